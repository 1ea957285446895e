"""Rows that a caller sent by key: some cells are still to be looked up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from serving.runtime.features.online_store import Key
from serving.runtime.rows import Rows

HOLE: Any = object()
"""A cell that is to be looked up."""

Where = Callable[[int, str], str]
"""The path in the request of a row's column, for a sentence about it."""


class KeyedRows(Rows):
    """Checked rows with holes, and for each row that has one its key."""

    __slots__ = ("keys", "where")

    def __init__(self, cells: list[list[Any]], keys: Sequence[Key | None], where: Where) -> None:
        super().__init__(cells=cells)
        self.keys = keys
        self.where = where

    @property
    def wanted(self) -> tuple[Key, ...]:
        """The keys to be looked up, each once."""
        return tuple(dict.fromkeys(key for key in self.keys if key is not None))

    def at(self, where: Where) -> KeyedRows:
        """Return the same rows, sent elsewhere in the request."""
        return KeyedRows(self.cells, self.keys, where)


def rows_of(cells: list[list[Any]], keys: Sequence[Key | None], where: Where) -> Rows:
    """Return rows with their holes; what has none needs no key."""
    with_holes = [key if HOLE in row else None for row, key in zip(cells, keys, strict=True)]
    if all(key is None for key in with_holes):
        return Rows(cells=cells)
    return KeyedRows(cells, with_holes, where)
