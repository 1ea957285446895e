"""Whether the compiled model says what the original says, row by row. Pure.

Labels have to be equal. Probabilities may differ by the tolerance; other numbers by the tolerance
times the original's number, or times 0.0001 where that is smaller. A row that the original
refuses must be refused, too.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from serving.conversion.answers import Answer

SMALLEST_SCALE = 1e-4
"""Numbers below it are compared as if they were as large."""


@dataclass(frozen=True, slots=True)
class Parity:
    """What came of comparing one set of rows."""

    rows: int
    answered: int
    """Rows that the original answers; the others it refuses."""
    disagreeing: int
    worst: float
    """The largest difference; infinite for labels that differ, or where only one answers."""

    @classmethod
    def of(cls, differences: Sequence[float], answered: int, tolerance: float) -> Parity:
        """Count the differences beyond the tolerance; one that is NaN is beyond."""
        return cls(
            rows=len(differences),
            answered=answered,
            disagreeing=sum(not difference <= tolerance for difference in differences),
            worst=max(differences, default=0.0),
        )

    @property
    def agrees(self) -> bool:
        """Whether no row disagrees."""
        return self.disagreeing == 0


@dataclass(frozen=True, slots=True)
class Rules:
    """How answers are compared."""

    labels: bool
    """Whether predictions are classes, which have to be equal."""
    may_refuse: bool = False
    """Whether the translation may refuse what the original answers: for invented rows, where an
    error harms nobody and a wrong answer might."""


def differences(native: Sequence[Answer], compiled: Sequence[Answer], rules: Rules) -> list[float]:
    """Return how far the answers to each row are apart; infinite where they can't be compared."""
    pairs = zip(native, compiled, strict=True)
    return [_row_difference(one, other, rules) for one, other in pairs]


def _row_difference(native: Answer, compiled: Answer, rules: Rules) -> float:
    if compiled is None:
        return 0.0 if native is None or rules.may_refuse else math.inf
    if native is None or native.keys() != compiled.keys():
        return math.inf
    return max(_difference(name, native, compiled, rules) for name in native)


def _difference(
    name: str, native: Mapping[str, Any], compiled: Mapping[str, Any], rules: Rules
) -> float:
    one, other = native[name], compiled[name]
    if rules.labels and name == "predictions":
        return 0.0 if type(one) is type(other) and one == other else math.inf
    return _apart(one, other, absolute=name == "probabilities")


def _apart(one: Any, other: Any, *, absolute: bool) -> float:
    if isinstance(one, list):
        if not isinstance(other, list) or len(one) != len(other):
            return math.inf
        pairs = zip(one, other, strict=True)
        return max((_apart(a, b, absolute=absolute) for a, b in pairs), default=0.0)
    scale = 1.0 if absolute else max(abs(one), SMALLEST_SCALE)
    return float(abs(one - other) / scale)
