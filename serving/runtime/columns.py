"""What a column of a model may hold, and two ways to ask: one cell at a time, or all at once.

One at a time is exact, and finds the cell that is wrong. All at once is for the rows in which
nothing is wrong, which are nearly all: it runs in C, and where it isn't sure it says no.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

_WHOLE_LIMIT = 2**63


@dataclass(frozen=True, slots=True)
class ColumnType:
    """How to say what a column holds, how to recognise it, and how a table stores it."""

    words: str
    types: frozenset[type]
    """Python's types of cells that are right as they are, but for numbers out of range."""
    holds: Callable[[object], bool]
    surely_holds: Callable[[Collection[Any]], bool]
    """Whether all of these cells are right as they are; False may also mean "look closer"."""
    dtype: str
    made_up: object
    """A value of this type, for want of a better one."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the signature."""

    name: str
    type: ColumnType


def _is_number(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number that no float can hold
        return False


def _are_numbers(cells: Collection[Any]) -> bool:
    if not _INTS_AND_FLOATS.issuperset(map(type, cells)):
        return False
    try:
        # Infinity and NaN stay in a sum for good, so a finite sum has finite parts.
        return math.isfinite(sum(cells, 0.0))
    except OverflowError:
        return False


def _is_whole(value: object) -> bool:
    if isinstance(value, bool):
        return False
    if isinstance(value, float):
        return value.is_integer() and abs(value) < _WHOLE_LIMIT
    return isinstance(value, int) and -_WHOLE_LIMIT <= value < _WHOLE_LIMIT


def _are_wholes(cells: Collection[Any]) -> bool:
    if not _INTS.issuperset(map(type, cells)):
        return False
    try:
        array("q", cells)
    except OverflowError:
        return False
    return True


_INTS = frozenset({int})
_INTS_AND_FLOATS = frozenset({int, float})
_TEXTS = frozenset({str})
_BOOLS = frozenset({bool})

NUMBER = ColumnType("a finite number", _INTS_AND_FLOATS, _is_number, _are_numbers, "float64", 0.0)
WHOLE = ColumnType("a whole number", _INTS, _is_whole, _are_wholes, "int64", 0)
TEXT = ColumnType(
    "a text",
    _TEXTS,
    lambda value: isinstance(value, str),
    lambda cells: _TEXTS.issuperset(map(type, cells)),
    "object",
    "",
)
TRUTH = ColumnType(
    "true or false",
    _BOOLS,
    lambda value: isinstance(value, bool),
    lambda cells: _BOOLS.issuperset(map(type, cells)),
    "bool",
    False,
)

TYPES = {
    "double": NUMBER,
    "float": NUMBER,
    "long": WHOLE,
    "integer": WHOLE,
    "string": TEXT,
    "boolean": TRUTH,
}
"""By the name that an MLflow signature gives it."""
