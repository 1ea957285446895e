"""Puts what a store has, or else the defaults, into the holes of rows; decides only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from serving.runtime.bad_input import BadInputError
from serving.runtime.columns import Column
from serving.runtime.errors import FeaturesUnavailableError
from serving.runtime.features.keyed_rows import HOLE, KeyedRows
from serving.runtime.features.online_store import Found, Outcome, StoreError
from serving.runtime.features.section import FeaturesSection
from serving.runtime.rows import Rows
from serving.runtime.signature import checked_cell


@dataclass(frozen=True, slots=True)
class Filled:
    """Rows without holes, and for each the columns that have their default."""

    rows: Rows
    defaulted: tuple[tuple[str, ...], ...]


def outcome_of(asked: KeyedRows, found: Found | StoreError, columns: Sequence[Column]) -> Outcome:
    """Tell how a lookup ended."""
    if isinstance(found, StoreError):
        return found.outcome
    for key, row in zip(asked.keys, asked.cells, strict=True):
        has = found.get(key, {}) if key is not None else {}
        if any(cell is HOLE and columns[at].name not in has for at, cell in enumerate(row)):
            return Outcome.INCOMPLETE
    return Outcome.FOUND


class Filler:
    """Fills the rows of one model."""

    def __init__(self, columns: Sequence[Column], section: FeaturesSection) -> None:
        self._columns = columns
        self._entity = section.entity
        types = {column.name: column for column in columns}
        self._defaults = {
            name: checked_cell(types[name], value, f"defaults.{name}")
            for name, value in section.defaults.items()
        }

    def filled(self, asked: KeyedRows, found: Found | StoreError) -> Filled:
        """Return the rows without holes.

        For a hole that nothing fills: BadInputError where the store has no value, since the
        caller can send one; FeaturesUnavailableError where the store gave no answer, or one of
        another type than the model reads.
        """
        cells, defaulted = [], []
        for index in range(asked.count):
            row, missing = self._row(asked, index, found)
            cells.append(row)
            defaulted.append(missing)
        return Filled(Rows(cells=cells), tuple(defaulted))

    def _row(
        self, asked: KeyedRows, index: int, found: Found | StoreError
    ) -> tuple[list[Any], tuple[str, ...]]:
        row, key = list(asked.cells[index]), asked.keys[index]
        has = {} if isinstance(found, StoreError) or key is None else found.get(key, {})
        missing = []
        for at, column in enumerate(self._columns):
            if row[at] is not HOLE:
                continue
            if column.name in has:
                row[at] = _stored(column, has[column.name])
            else:
                missing.append(column.name)
                row[at] = self._default(column.name, asked, index, found)
        return row, tuple(missing)

    def _default(
        self, name: str, asked: KeyedRows, index: int, found: Found | StoreError
    ) -> object:
        if name in self._defaults:
            return self._defaults[name]
        if isinstance(found, StoreError):
            words = f"{found.sentence}, and {name} has no default; send it, or ask again"
            raise FeaturesUnavailableError(words)
        words = f"the feature store has none for this {self._entity}, and there is no default"
        raise BadInputError(asked.where(index, name), f"{words}; send it")


def _stored(column: Column, value: object) -> object:
    try:
        return checked_cell(column, value, column.name)
    except BadInputError:
        words = f"what the feature store has for {column.name} is not {column.type.words}"
        raise FeaturesUnavailableError(f"{words}; send it, or mend the store") from None
