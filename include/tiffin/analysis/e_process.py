"""Evidence that adds up: the e-process of one hypothesis over all Blocks of a Release.

While the null hypothesis holds, the e-process ever reaches 1/alpha with probability at most
alpha (Ville), however often one looks and whenever one stops. One e-process is a mean over a few
alternatives, each the product of its Blocks' e-values (see `blocks`, arXiv 2106.02693). The
restarts for late regressions follow the idea of e-detectors (Shin, Ramdas, Rinaldo, arXiv
2203.03532); their weights are our own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from tiffin.analysis.blocks import Block, Line, block_log_e
from tiffin.analysis.log_space import log_mean, log_sum

_ODDS_ABOVE = (1.5, 2.0, 3.0, 5.0, 10.0, 30.0)
"""How much worse than the line the candidate might be. Odds, not rates, keep it below 1."""
_PARTS_OF_THE_GAP = (0.0, 0.5)
"""Where between stable and the line the candidate might be."""
_LARGEST_BASELINE = 0.5
_INSIDE = 0.999


class Side(StrEnum):
    """On which side of the line the alternatives are; the null hypothesis is the other one."""

    ABOVE = "above"
    BELOW = "below"


@dataclass(frozen=True, slots=True)
class Baseline:
    """The guess of stable's error rate, from past Blocks only, and of 1 in 100 at first.

    A wrong guess costs power, never validity.
    """

    bad: int = 1
    requests: int = 100

    def updated(self, block: Block) -> Baseline:
        """Learn from a Block, after it was weighed."""
        return Baseline(self.bad + block.kb, self.requests + block.nb)

    def rate(self, line: Line) -> float:
        """Return the guess, capped so that the line stays below 1."""
        guess = min(self.bad / self.requests, _LARGEST_BASELINE)
        return min(guess, _INSIDE * (1 - line.d) / line.r) if line.r else guess


def log_gains(block: Block, side: Side, line: Line, baseline: Baseline) -> tuple[float, ...]:
    """Return the Block's log e-value for each alternative."""
    stable_rate = baseline.rate(line)
    rates = _above(line, stable_rate) if side is Side.ABOVE else _below(line, stable_rate)
    return tuple(block_log_e(block, line, rate, stable_rate) for rate in rates)


def alternatives(side: Side) -> int:
    """Return how many alternatives a side has."""
    return len(_ODDS_ABOVE if side is Side.ABOVE else _PARTS_OF_THE_GAP)


def _above(line: Line, stable_rate: float) -> list[float]:
    limit = line.at(stable_rate)
    return [odds * limit / (1 - limit + odds * limit) for odds in _ODDS_ABOVE]


def _below(line: Line, stable_rate: float) -> list[float]:
    """Return rates between stable's and the line's, never on the null hypothesis's side of it."""
    limit = line.at(stable_rate)
    return [min(stable_rate + part * (limit - stable_rate), limit) for part in _PARTS_OF_THE_GAP]


@dataclass(frozen=True, slots=True)
class EProcess:
    """The state of one e-process; a value, replaced by each Block.

    `sums` has one sum of log e-values per alternative. `late_sums`, where kept, has a second one
    that begins anew at each Block with weight 1/(i(i+1)), so that a long good record needn't be
    unlearned before a late regression shows. `peak` is the highest log e so far.
    """

    side: Side
    line: Line
    baseline: Baseline
    sums: tuple[float, ...]
    late_sums: tuple[float, ...] | None = None
    blocks: int = 0
    peak: float = 0.0

    @classmethod
    def begin(cls, side: Side, line: Line, *, restarts: bool = False) -> EProcess:
        """Return the e-process before any Block: e = 1."""
        count = alternatives(side)
        late_sums = (-math.inf,) * count if restarts else None
        return cls(side, line, Baseline(), (0.0,) * count, late_sums)

    @property
    def log_e(self) -> float:
        """The natural logarithm of the evidence now."""
        whole = log_mean(self.sums)
        if self.late_sums is None:
            return whole
        unspent = -math.log(self.blocks + 1)
        late = log_sum((log_mean(self.late_sums), unspent))
        return log_mean((whole, late))

    def crossed(self, alpha: float) -> bool:
        """Return whether the evidence has ever reached 1/alpha; once crossed stays crossed."""
        return self.peak >= -math.log(alpha)

    def updated(self, block: Block) -> EProcess:
        """Weigh a Block, then learn stable's rate from it.

        A Block without candidate requests weighs nothing and starts no restart.
        """
        learned = replace(self, baseline=self.baseline.updated(block))
        if block.na == 0:
            return learned
        gains = log_gains(block, self.side, self.line, self.baseline)
        grown = replace(
            learned,
            sums=tuple(total + gain for total, gain in zip(self.sums, gains, strict=True)),
            late_sums=self._late_sums_after(gains),
            blocks=self.blocks + 1,
        )
        return replace(grown, peak=max(self.peak, grown.log_e))

    def _late_sums_after(self, gains: tuple[float, ...]) -> tuple[float, ...] | None:
        if self.late_sums is None:
            return None
        number = self.blocks + 1
        weight = -math.log(number * (number + 1))
        pairs = zip(self.late_sums, gains, strict=True)
        return tuple(log_sum((late, weight)) + gain for late, gain in pairs)

    def to_dict(self) -> dict[str, Any]:
        """Return the state as JSON values; minus infinity becomes null."""
        late = self.late_sums
        return {
            "side": self.side.value,
            "line": [self.line.r, self.line.d],
            "baseline": [self.baseline.bad, self.baseline.requests],
            "sums": list(self.sums),
            "late_sums": None if late is None else [None if x == -math.inf else x for x in late],
            "blocks": self.blocks,
            "peak": self.peak,
        }

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> EProcess:
        """Return the e-process that `to_dict` described, to the last bit."""
        late = state["late_sums"]
        return cls(
            side=Side(state["side"]),
            line=Line(*state["line"]),
            baseline=Baseline(*state["baseline"]),
            sums=tuple(state["sums"]),
            late_sums=None if late is None else tuple(-math.inf if x is None else x for x in late),
            blocks=state["blocks"],
            peak=state["peak"],
        )
