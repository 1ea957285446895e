"""The e-value of one look: how strongly one Block of counts speaks against a null hypothesis.

Source: Turner, Ly, Grünwald, "Generic E-Variables for Exact Sequential k-Sample Tests that allow
for Optional Stopping", JSPI 2024, arXiv 2106.02693, which also has the nulls with a minimal
effect. An e-value is a non-negative number whose expectation is at most 1 while the null holds,
so large ones are rare (at most alpha of them reach 1/alpha) and those of later Blocks may be
multiplied on.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from tiffin.errors import RefusedError

_HALVINGS = 60


@dataclass(frozen=True, slots=True)
class Block:
    """One look's increments: candidate `ka` bad of `na`, stable `kb` bad of `nb`."""

    ka: int
    na: int
    kb: int
    nb: int

    def __post_init__(self) -> None:
        if not (0 <= self.ka <= self.na and 0 <= self.kb <= self.nb):
            raise RefusedError(
                f"a block can't have {self.ka} bad of {self.na} and {self.kb} bad of {self.nb} "
                "requests; check the counters it was made from",
                code="bad-block",
            )

    def __add__(self, other: Block) -> Block:
        """Return both Blocks as one, for totals; never to be weighed as one Block."""
        return Block(self.ka + other.ka, self.na + other.na, self.kb + other.kb, self.nb + other.nb)


@dataclass(frozen=True, slots=True)
class Line:
    """What separates good from bad: candidate rate = `r` * stable rate + `d`.

    r=1, d=0 is "the same as stable"; r=1, d=margin "worse by the margin"; r=0, d=limit an
    absolute promise, in which stable plays no part.
    """

    r: float
    d: float

    def __post_init__(self) -> None:
        if not (0 <= self.r < math.inf and 0 <= self.d < 1) or self.r == self.d == 0:
            raise RefusedError(
                f"the line r={self.r:g}, d={self.d:g} leaves the rates between 0 and 1; use "
                "r >= 0 and 0 <= d < 1, not both 0",
                code="bad-line",
            )

    def at(self, stable_rate: float) -> float:
        """Return the candidate's rate on the line; RefusedError when it is no rate."""
        rate = self.r * stable_rate + self.d
        if not 0 < rate < 1:
            raise RefusedError(
                f"the line r={self.r:g}, d={self.d:g} gives the rate {rate:g} where stable errs "
                f"at {stable_rate:g}; choose a line that stays between 0 and 1",
                code="bad-line",
            )
        return rate


def block_log_e(block: Block, line: Line, qa: float, qb: float) -> float:
    """Return the natural logarithm of a Block's e-value.

    `(qa, qb)` are the alternative's rates of candidate and stable. They must have been chosen
    before the Block was seen, and lie on the line or on the other side of it than the null
    hypothesis. The e-value then holds for every size of Block and every true rate on the null's
    side, and the rates may differ from Block to Block. They must be constant within a Block (or
    the share must be): the caller cuts Blocks at every change of the Split.
    """
    if block.na == 0:
        return 0.0
    a, t = nearest_null(block, line, qa, qb)
    return _log_ratio(block.ka, block.na, qa, a) + _log_ratio(block.kb, block.nb, qb, t)


def nearest_null(block: Block, line: Line, qa: float, qb: float) -> tuple[float, float]:
    """Return the point (a, t) of the line that is hardest to tell from the alternative.

    It minimises na*KL(qa || a) + nb*KL(qb || t), with a = r*t + d.
    """
    if not (0 < qa < 1 and 0 < qb < 1):
        raise RefusedError(
            f"the alternative rates {qa:g} and {qb:g} must lie between 0 and 1", code="bad-line"
        )
    line.at(qb)
    if line.r == 0:
        return line.d, qb
    if line.r == 1 and line.d == 0:
        common = (block.na * qa + block.nb * qb) / (block.na + block.nb)
        return common, common
    t = _bisected(block, line, qa, qb)
    return line.r * t + line.d, t


def _bisected(block: Block, line: Line, qa: float, qb: float) -> float:
    """Halve the interval between each arm's own best t, where the sum of both is least."""
    own_best = (qa - line.d) / line.r
    low = max(0.0, min(qb, own_best))
    high = min(1.0, (1 - line.d) / line.r, max(qb, own_best))
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        if _slope(block, line, qa, qb, middle) < 0:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _slope(block: Block, line: Line, qa: float, qb: float, t: float) -> float:
    a = line.r * t + line.d
    candidate = block.na * line.r * ((1 - qa) / (1 - a) - qa / a)
    return candidate + block.nb * ((1 - qb) / (1 - t) - qb / t) if block.nb else candidate


def _log_ratio(bad: int, total: int, q: float, p: float) -> float:
    """Return how much likelier `bad` of `total` are at rate q than at rate p, as a logarithm."""
    good = total - bad
    bad_part = bad * math.log(q / p) if bad else 0.0
    return bad_part + (good * math.log((1 - q) / (1 - p)) if good else 0.0)
