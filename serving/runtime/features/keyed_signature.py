"""The signature of a model whose callers may send a key instead of some columns.

What comes with all columns is read as by any model. Of what comes with a key, all that was sent
is checked here, before anybody is asked for the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from serving.runtime.bad_input import BadInputError
from serving.runtime.columns import TEXT, WHOLE, Column
from serving.runtime.features.keyed_rows import HOLE, KeyedRows, Where, rows_of
from serving.runtime.features.online_store import Key
from serving.runtime.features.section import EntityType, FeaturesSection
from serving.runtime.rows import Rows
from serving.runtime.signature import (
    ByKey,
    InputSignature,
    checked_cell,
    checked_cells,
    kind_of,
    values_of,
)

MOST_ROWS = 1000
"""Rows by key in a request: one that asked for very many would be late, and make others late."""

_TYPES = {EntityType.INTEGER: WHOLE, EntityType.TEXT: TEXT}


@dataclass(frozen=True)
class KeyedSignature(InputSignature):
    """All columns that a model reads, of which some may be looked up."""

    key: ByKey = field(kw_only=True)

    @classmethod
    def of(cls, signature: InputSignature, section: FeaturesSection) -> KeyedSignature:
        """Return the signature with a key; ValueError where the section doesn't fit the model."""
        _check_fit(signature, section)
        entity = Column(section.entity, _TYPES[section.entity_type])
        return cls(signature.columns, key=ByKey(entity, section.columns))

    @property
    def by_key(self) -> ByKey:
        """What may be sent instead of some columns."""
        return self.key

    @cached_property
    def sendable(self) -> tuple[str, ...]:
        """The columns' names and the key's, which may be a column itself."""
        return tuple(dict.fromkeys((*self.names, self.key.entity.name)))

    def checked(self, features: object, path: str = "features") -> Rows:
        """Return rows, with holes where columns are to be looked up."""
        if type(features) is not list or not any(map(self._is_by_key, features)):
            return super().checked(features, path)
        read = [self._read(row, f"{path}[{index}]") for index, row in enumerate(features)]
        keys, cells = zip(*read, strict=True)
        return _limited(list(cells), list(keys), lambda row, name: f"{path}[{row}].{name}", path)

    def checked_row(self, row: object, path: str) -> Rows:
        """Return a row that came without a list around it."""
        rows = super().checked_row(row, path)
        if isinstance(rows, KeyedRows):
            return rows.at(lambda _, name: f"{path}.{name}" if path else name)
        return rows

    def checked_columns(self, columns: Mapping[str, Any], path: str = "columns") -> Rows:
        """Return rows that came as columns; whole columns may be left to be looked up."""
        if columns.keys() == self._names:
            return super().checked_columns(columns, path)
        self._check_sent(columns, path)
        if columns.keys() >= self._names:
            return super().checked_columns({name: columns[name] for name in self.names}, path)
        return self._keyed_columns(columns, path)

    @cached_property
    def _names(self) -> frozenset[str]:
        return frozenset(self.names)

    def _is_by_key(self, row: object) -> bool:
        return type(row) is dict and row.keys() != self._names

    def _read(self, row: Any, path: str) -> tuple[Key | None, list[Any]]:
        """Return the key and the cells of a row; a row with all columns needs no key."""
        if not self._is_by_key(row):
            return None, self._row(row, path)
        self._check_sent(row, path)
        cells = [
            checked_cell(column, row[column.name], f"{path}.{column.name}")
            if column.name in row
            else HOLE
            for column in self.columns
        ]
        return self._key(row, path), cells

    def _key(self, row: Mapping[str, object], path: str) -> Key | None:
        entity = self.key.entity
        if entity.name not in row:
            return None
        return checked_cell(entity, row[entity.name], f"{path}.{entity.name}")  # type: ignore[return-value]

    def _keyed_columns(self, columns: Mapping[str, Any], path: str) -> Rows:
        entity = self.key.entity
        keys = values_of(columns[entity.name], f"{path}.{entity.name}")
        if not keys:
            raise BadInputError(path, "send at least one row")
        keys = checked_cells(entity, keys, f"{path}.{entity.name}")
        sent = [self._column(column, columns, len(keys), path) for column in self.columns]
        cells = list(map(list, zip(*sent, strict=True)))
        return _limited(cells, keys, lambda row, name: f"{path}.{name}[{row}]", path)

    def _column(
        self, column: Column, columns: Mapping[str, Any], count: int, path: str
    ) -> list[Any]:
        if column.name not in columns:
            return [HOLE] * count
        where = f"{path}.{column.name}"
        values = values_of(columns[column.name], where)
        if len(values) != count:
            words = f"{count} values, as {self.key.entity.name} has, not {len(values)}"
            raise BadInputError(where, f"send {words}")
        return checked_cells(column, values, where)

    def _check_sent(self, given: Mapping[str, object], path: str) -> None:
        """Refuse names that nobody knows, and holes that nobody could fill."""
        for name in given:
            if name not in self.sendable:
                raise self._unknown(name, path)
        entity = self.key.entity.name
        for name in self.names:
            if name in given or (name in self.key.columns and entity in given):
                continue
            words = f"; send it, or {entity}" if name in self.key.columns else ""
            raise BadInputError(f"{path}.{name}", f"this column is missing{words}")


def _limited(cells: list[list[Any]], keys: list[Key | None], where: Where, path: str) -> Rows:
    rows = rows_of(cells, keys, where)
    if isinstance(rows, KeyedRows) and rows.count > MOST_ROWS:
        raise BadInputError(path, f"send at most {MOST_ROWS} rows by key, not {rows.count}")
    return rows


def _check_fit(signature: InputSignature, section: FeaturesSection) -> None:
    if not signature.named:
        raise ValueError("features by key need a model with named columns; log it with a DataFrame")
    types = {column.name: column.type for column in signature.columns}
    for name in section.columns:
        if name not in types:
            read = ", ".join(signature.names)
            raise ValueError(f"features.columns has {name}, but the model reads {read}")
    for name, default in section.defaults.items():
        if not types[name].holds(default):
            words = f"must be {types[name].words}, not {kind_of(default)}"
            raise ValueError(f"features.defaults.{name} {words}")
