"""Recognises rows in which nothing is wrong, as fast as Python can.

One row of a dozen cells takes a microsecond or two: no cell is touched by Python code, only by
C loops over all cells of a type. What isn't recognised may still be right (3.0 for a whole
number); the signature looks at it cell by cell, and finds the words for what is wrong.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from itertools import chain
from math import isfinite
from operator import itemgetter
from typing import Any

import numpy as np

from serving.runtime.columns import NUMBER, WHOLE, Column
from serving.runtime.rows import Rows

_BY_COLUMN_FROM = 10
"""From so many rows on, column by column is faster than row by row (measured)."""
_MOST_KINDS = 1000
_LISTS_OR_DICTS: tuple[set[type], ...] = ({list}, {dict})
_INTS_AND_FLOATS = frozenset({int, float})

Pick = Callable[[Any], tuple[Any, ...]]


class QuickCheck:
    """Prepared once for the columns of a signature."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self._columns = columns
        self._width = len(columns)
        self._in_order = _pick([column.name for column in columns])
        numbers = [index for index, column in enumerate(columns) if column.type is NUMBER]
        wholes = [index for index, column in enumerate(columns) if column.type is WHOLE]
        self._numbers, self._wholes = _pick(numbers), _pick(wholes)
        self._pack_wholes = struct.Struct(f"{len(wholes)}q").pack
        self._is_all_numbers = len(numbers) == len(columns)
        self._right_kinds: set[tuple[type, ...]] = set()

    def rows(self, features: list[Any]) -> Rows | None:
        """Return the rows when all are surely right, and None when somebody has to look."""
        if len(features) < _BY_COLUMN_FROM:
            return self._few(features)
        return self._many(features)

    def _few(self, features: list[Any]) -> Rows | None:
        rows = []
        for row in features:
            cells = self._cells(row)
            if cells is None or not self._are_right(cells):
                return None
            rows.append(cells)
        return Rows(rows)

    def _many(self, features: list[Any]) -> Rows | None:
        rows = self._all_cells(features)
        if rows is None:
            return None
        if self._is_all_numbers:
            return _numbers(rows)
        columns = list(zip(*rows, strict=True))
        for column, cells in zip(self._columns, columns, strict=True):
            if not column.type.surely_holds(cells):
                return None
        return Rows(rows, columns=columns)

    def _all_cells(self, features: list[Any]) -> list[list[Any]] | None:
        kinds = set(map(type, features))
        if kinds not in _LISTS_OR_DICTS or set(map(len, features)) != {self._width}:
            return None
        if list in kinds:
            return features
        try:
            return list(map(list, map(self._in_order, features)))
        except KeyError:
            return None

    def _cells(self, row: Any) -> list[Any] | None:
        """Return a row of the right length as a list, in the order of the columns."""
        kind = type(row)
        if (kind is not list and kind is not dict) or len(row) != self._width:
            return None
        if kind is list:
            return row  # type: ignore[no-any-return]
        try:
            return list(self._in_order(row))
        except KeyError:
            return None

    def _are_right(self, cells: list[Any]) -> bool:
        kinds = tuple(map(type, cells))
        if kinds not in self._right_kinds and not self._learn(kinds):
            return False
        try:
            self._pack_wholes(*self._wholes(cells))
            # Infinity and NaN stay in a sum for good, so a finite sum has finite parts.
            return isfinite(sum(self._numbers(cells), 0.0))
        except (struct.error, OverflowError):
            return False

    def _learn(self, kinds: tuple[type, ...]) -> bool:
        """Remember the types of a row if they are right; callers send few different ones."""
        for column, kind in zip(self._columns, kinds, strict=True):
            if kind not in column.type.types:
                return False
        if len(self._right_kinds) < _MOST_KINDS:
            self._right_kinds.add(kinds)
        return True


def _numbers(rows: list[list[Any]]) -> Rows | None:
    if not _INTS_AND_FLOATS.issuperset(map(type, chain.from_iterable(rows))):
        return None
    try:
        matrix = np.array(rows, dtype=np.float64)
    except OverflowError:
        return None
    return Rows(rows, matrix) if np.isfinite(matrix).all() else None


def _pick(keys: Sequence[Any]) -> Pick:
    """Return what takes these cells out of a row, as a tuple."""
    if len(keys) > 1:
        return itemgetter(*keys)
    if not keys:
        return lambda row: ()
    only = keys[0]
    return lambda row: (row[only],)
