"""The numbers behind a Verdict, and how they are said to a person."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tiffin.analysis.blocks import Block


@dataclass(frozen=True, slots=True)
class Strength:
    """One e-process at the time of a look: now, and at its strongest, which is what counts."""

    log_e: float
    peak: float

    def __str__(self) -> str:
        return f"e = {_number(self.peak)}"


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything a Verdict was made from, all logarithms natural.

    The counts are totals: of the ramp, or (in `watched`) of the time since promotion, when there
    is no stable beside the candidate. `excess_bound` is U: the candidate's error rate is surely
    not higher than stable's plus this.
    """

    looks: int
    candidate_bad: int
    candidate_requests: int
    stable_bad: int
    stable_requests: int
    rollback: Strength
    promote: Strength
    mismatch: Strength
    log_threshold: float
    log_mismatch_threshold: float
    excess_bound: float

    @property
    def counts(self) -> Block:
        """The totals."""
        return Block(
            self.candidate_bad, self.candidate_requests, self.stable_bad, self.stable_requests
        )

    @property
    def needed(self) -> str:
        """The e-value from which on evidence suffices."""
        return _number(self.log_threshold)


def said_counts(counts: Block) -> str:
    """Say the counts: "candidate 14 of 212 failed (6.6 %), stable 2 of 1,880 (0.1 %)"."""
    candidate = f"candidate {_said_rate(counts.ka, counts.na, ' failed')}"
    return f"{candidate}, stable {_said_rate(counts.kb, counts.nb)}" if counts.nb else candidate


def _said_rate(bad: int, total: int, verb: str = "") -> str:
    rate = f" ({bad / total:.1%})".replace("%", " %") if total else ""
    return f"{bad:,} of {total:,}{verb}{rate}"


def _number(log_e: float) -> str:
    """Return e as people write it: 0.31, 4.2, 310, 10^15."""
    if log_e > math.log(1e6):
        return f"10^{math.floor(log_e / math.log(10))}"
    e = math.exp(log_e)
    return f"{e:,.0f}" if e >= 9.95 else f"{e:.2g}"
