"""How much traffic the candidate may get next, so that a bad one can't do much harm.

Two steps, our own design: a confidence sequence for how much worse than stable the candidate is
(one e-process per grid value, see `e_process`), and a share that keeps the expected extra bad
requests of the whole Release within the Service's budget. With probability at least 1 - alpha
the expected harm stays within the budget at every look, for a candidate whose excess is constant;
one that worsens with time is the rollback test's to find.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tiffin.analysis.blocks import Block, Line
from tiffin.analysis.e_process import Baseline, Side, alternatives, log_gains
from tiffin.analysis.log_space import log_mean

GRID = (*(0.001 * 1.25**k for k in range(31)), 0.95)
"""The excess error rates that are tried; each has its own e-process."""
_WHOLE = 10_000


@dataclass(frozen=True, slots=True)
class Share:
    """The candidate's next share of the traffic, in basis points."""

    basis_points: int


@dataclass(frozen=True, slots=True)
class Undecidable:
    """No share can bring the missing evidence within the budget; a person or the policy decides."""

    reason: str


@dataclass(frozen=True, slots=True)
class HarmBudget:
    """The state: what the candidate's excess may still be, and how many requests it had."""

    alpha: float
    baseline: Baseline = field(default_factory=Baseline)
    sums: tuple[tuple[float, ...], ...] = ((0.0,) * alternatives(Side.BELOW),) * len(GRID)
    requests: int = 0

    def updated(self, block: Block) -> HarmBudget:
        """Weigh a Block against every excess of the grid."""
        learned = replace(self, baseline=self.baseline.updated(block))
        if block.na == 0:
            return learned
        return replace(
            learned,
            sums=tuple(map(self._grown, GRID, self.sums, [block] * len(GRID))),
            requests=self.requests + block.na,
        )

    def _grown(self, excess: float, sums: tuple[float, ...], block: Block) -> tuple[float, ...]:
        gains = log_gains(block, Side.BELOW, Line(1, excess), self.baseline)
        return tuple(total + gain for total, gain in zip(sums, gains, strict=True))

    @property
    def excess_bound(self) -> float:
        """U: the candidate's error rate is surely not higher than stable's plus this."""
        if not self.requests:
            return 1.0
        kept = [k for k, sums in enumerate(self.sums) if log_mean(sums) < -math.log(self.alpha)]
        if not kept:
            return GRID[0]
        return GRID[kept[-1] + 1] if kept[-1] + 1 < len(GRID) else 1.0

    def next_share(self, budget: float, max_share: float, expected: float) -> Share | Undecidable:
        """Return the share that spends what is left of the budget at worst, or say it can't.

        Args:
            budget: extra bad requests that the Release may cost.
            max_share: the largest share ever given.
            expected: the Service's requests until the next look plus the time to react to it:
                the highest forecast, because what comes above it is not covered.
        """
        affordable = budget / self.excess_bound - self.requests
        if affordable < 1:
            return Undecidable(
                f"the harm budget of {budget:g} bad requests is spent: after {self.requests:,} "
                f"candidate requests its error rate may still be {self.excess_bound:.2%} above "
                "stable's"
            )
        points = math.floor(_WHOLE * min(max_share, affordable / max(expected, 1.0)))
        if points < 1:
            return Undecidable(
                f"the smallest share, 0.01 %, of {expected:,.0f} requests is more than the "
                f"{affordable:,.0f} that the harm budget of {budget:g} bad requests allows"
            )
        return Share(points)

    def to_dict(self) -> dict[str, Any]:
        """Return the state as JSON values."""
        return {
            "alpha": self.alpha,
            "baseline": [self.baseline.bad, self.baseline.requests],
            "sums": [list(sums) for sums in self.sums],
            "requests": self.requests,
        }

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> HarmBudget:
        """Return the state that `to_dict` described, to the last bit."""
        return cls(
            alpha=state["alpha"],
            baseline=Baseline(*state["baseline"]),
            sums=tuple(tuple(sums) for sums in state["sums"]),
            requests=state["requests"],
        )
