"""Does the router split as told? The e-process for a sample-ratio mismatch.

When it fires, the router is wrong, not the model. The verdict then never promotes, but still
rolls back, because the evidence of `blocks` needs no true share. Requests that failed on the
candidate and were tried again on stable shift the ratio too: a candidate that fails much looks
like a mismatch, one that is fit for promotion does not, within the tolerance.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from tiffin.analysis.blocks import Block, Line, block_log_e
from tiffin.analysis.log_space import log_mean

ALPHA = 0.001
"""A false alarm here stops a promotion, so it has to be rare."""
_ODDS = (1.1, 1.25, 1.5, 2.0, 4.0)
_ANY_RATE = 0.5


@dataclass(frozen=True, slots=True)
class SampleRatio:
    """The state: five alternatives above the configured share and five below it.

    `tolerance` is relative: 0.1 finds no fault with 9 % to 11 % where 10 % was configured.
    """

    tolerance: float = 0.1
    sums: tuple[float, ...] = (0.0,) * (2 * len(_ODDS))
    peak: float = 0.0

    @property
    def log_e(self) -> float:
        """The natural logarithm of the evidence now."""
        return log_mean(self.sums)

    def crossed(self, alpha: float = ALPHA) -> bool:
        """Return whether the evidence has ever reached 1/alpha; once crossed stays crossed."""
        return self.peak >= -math.log(alpha)

    def updated(self, candidate: int, total: int, share: float) -> SampleRatio:
        """Weigh that the candidate got so many of all requests where `share` was configured.

        The share may differ from call to call; without a split (0 or 1) nothing is learnt.
        """
        if total == 0 or not 0 < share < 1:
            return self
        high, low = share * (1 + self.tolerance), share * (1 - self.tolerance)
        gains = [_gain(candidate, total, high, odds) for odds in _ODDS]
        gains += [_gain(candidate, total, low, 1 / odds) for odds in _ODDS]
        sums = tuple(old + gain for old, gain in zip(self.sums, gains, strict=True))
        grown = replace(self, sums=sums)
        return replace(grown, peak=max(self.peak, grown.log_e))

    def to_dict(self) -> dict[str, Any]:
        """Return the state as JSON values."""
        return {"tolerance": self.tolerance, "sums": list(self.sums), "peak": self.peak}

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> SampleRatio:
        """Return the state that `to_dict` described, to the last bit."""
        return cls(state["tolerance"], tuple(state["sums"]), state["peak"])


def _gain(candidate: int, total: int, limit: float, odds: float) -> float:
    """Return the log e-value for one alternative; a limit of 1 or more can't be passed."""
    if limit >= 1:
        return 0.0
    rate = odds * limit / (1 - limit + odds * limit)
    return block_log_e(Block(candidate, total, 0, 0), Line(0, limit), rate, _ANY_RATE)
