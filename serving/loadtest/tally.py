"""Answers counted by second and by rounded latency: small, exact in counts, and mergeable.

Load generators in several processes each keep one of these and send it to the one that decides.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

_STEP = math.log(1.02)
"""Latencies are told apart to 2 %."""
_SHORTEST_MS = 0.001
SHED = 429


@dataclass(slots=True)
class Tally:
    """What came of some requests; latencies are those of the good answers only."""

    statuses: Counter[int] = field(default_factory=Counter)
    """How often each HTTP status came; 0 is no answer."""
    buckets: Counter[int] = field(default_factory=Counter)
    generator_share: float = 0.0
    """The share of a core that the busiest generator used; near 1 it was the limit."""

    def add(self, status: int, latency_ms: float) -> None:
        """Count one request."""
        self.statuses[status] += 1
        if is_good(status):
            self.buckets[round(math.log(max(latency_ms, _SHORTEST_MS)) / _STEP)] += 1

    def merge(self, other: Tally) -> None:
        """Count what another has counted, too."""
        self.statuses.update(other.statuses)
        self.buckets.update(other.buckets)
        self.generator_share = max(self.generator_share, other.generator_share)

    @property
    def requests(self) -> int:
        """All of them."""
        return self.statuses.total()

    @property
    def good(self) -> int:
        """Those with a status of success."""
        return sum(n for status, n in self.statuses.items() if is_good(status))

    @property
    def shed(self) -> int:
        """Those that were refused because there were too many."""
        return self.statuses[SHED]

    def latency_ms(self, share: float) -> float:
        """Return the latency that this share of the good answers did not exceed; NaN for none."""
        wanted, seen = share * self.buckets.total(), 0
        for bucket in sorted(self.buckets):
            seen += self.buckets[bucket]
            if seen >= wanted:
                return math.exp(bucket * _STEP)
        return math.nan

    def packed(self) -> dict[str, Any]:
        """Return it as something that goes over a wire; `unpacked` reads it."""
        return {
            "statuses": {str(key): n for key, n in self.statuses.items()},
            "buckets": {str(key): n for key, n in self.buckets.items()},
            "generator_share": self.generator_share,
        }

    @classmethod
    def unpacked(cls, packed: Mapping[str, Any]) -> Tally:
        """Read what `packed` made."""
        statuses, buckets = (
            Counter({int(key): int(n) for key, n in packed[name].items()})
            for name in ("statuses", "buckets")
        )
        return cls(statuses, buckets, float(packed["generator_share"]))


class Seconds:
    """A tally for each second of Unix time."""

    def __init__(self) -> None:
        self._tallies: dict[int, Tally] = {}

    def at(self, unix_s: float) -> Tally:
        """Return the tally of a second."""
        return self._tallies.setdefault(int(unix_s), Tally())

    def merge(self, packed: Mapping[str, Any]) -> None:
        """Count what `taken` of another process returned."""
        for second, tally in packed.items():
            self.at(int(second)).merge(Tally.unpacked(tally))

    def taken(self) -> dict[str, Any]:
        """Return all that was counted, packed, and start anew."""
        taken, self._tallies = self._tallies, {}
        return {str(second): tally.packed() for second, tally in taken.items()}

    def between(self, begin_s: float, end_s: float) -> Tally:
        """Return the sum of the whole seconds from one time to another."""
        return total(t for second, t in self._tallies.items() if begin_s <= second < int(end_s))


def total(tallies: Iterable[Tally]) -> Tally:
    """Return the sum."""
    summed = Tally()
    for tally in tallies:
        summed.merge(tally)
    return summed


def is_good(status: int) -> bool:
    """True for a success."""
    return 200 <= status < 300
