"""The columns that a model reads, as its MLflow signature states them, and the check of rows."""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from serving.runtime.bad_input import BadInputError

_SAFE_INTEGER = 2**63


def _is_whole(value: object) -> bool:
    if isinstance(value, bool):
        return False
    if isinstance(value, float):
        return math.isfinite(value) and value.is_integer() and abs(value) < _SAFE_INTEGER
    return isinstance(value, int) and -_SAFE_INTEGER <= value < _SAFE_INTEGER


def _is_number(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number that no float can hold
        return False


@dataclass(frozen=True, slots=True)
class ColumnType:
    """What a column holds: how to say it, how to recognise it, how a table stores it."""

    words: str
    holds: Callable[[object], bool]
    dtype: str


_NUMBER = ColumnType("a finite number", _is_number, "float64")
_WHOLE = ColumnType("a whole number", _is_whole, "int64")
_TYPES = {
    "double": _NUMBER,
    "float": _NUMBER,
    "long": _WHOLE,
    "integer": _WHOLE,
    "string": ColumnType("a text", lambda value: isinstance(value, str), "object"),
    "boolean": ColumnType("true or false", lambda value: isinstance(value, bool), "bool"),
}


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the signature."""

    name: str
    type: ColumnType


@dataclass(frozen=True, slots=True)
class InputSignature:
    """All columns that a model reads, in order; `named` is False for a plain array."""

    columns: tuple[Column, ...]
    named: bool = True

    @property
    def names(self) -> tuple[str, ...]:
        """The columns' names, in order."""
        return tuple(column.name for column in self.columns)

    def checked_rows(self, features: object, path: str = "features") -> list[list[Any]]:
        """Return the rows in the signature's order; raise BadInputError where one is wrong."""
        if not isinstance(features, list):
            raise BadInputError(path, f"send a list of rows, not {_kind_of(features)}")
        if not features:
            raise BadInputError(path, "send at least one row")
        return [self._row(row, f"{path}[{index}]") for index, row in enumerate(features)]

    def _row(self, row: object, path: str) -> list[Any]:
        if isinstance(row, Mapping):
            cells = self._named_cells(row, path)
        elif isinstance(row, list):
            cells = self._ordered_cells(row, path)
        else:
            words = "send a row as a list or an object"
            raise BadInputError(path, f"{words}, not {_kind_of(row)}")
        return [
            _cell(column, value, where)
            for column, (value, where) in zip(self.columns, cells, strict=True)
        ]

    def _named_cells(self, row: Mapping[str, object], path: str) -> list[tuple[object, str]]:
        for name in row:
            if name not in self.names:
                raise BadInputError(f"{path}.{name}", f"unknown column{self._hint(name)}")
        for name in self.names:
            if name not in row:
                raise BadInputError(f"{path}.{name}", "this column is missing")
        return [(row[name], f"{path}.{name}") for name in self.names]

    def _ordered_cells(self, row: Sequence[object], path: str) -> list[tuple[object, str]]:
        if len(row) != len(self.columns):
            wanted = f"{len(self.columns)} values ({', '.join(self.names)})"
            raise BadInputError(path, f"a row has {wanted}, not {len(row)}")
        return [
            (value, f"{path}[{index}] ({name})")
            for index, (value, name) in enumerate(zip(row, self.names, strict=True))
        ]

    def _hint(self, name: str) -> str:
        near = difflib.get_close_matches(name, self.names, n=1)
        return (
            f"; did you mean {near[0]}?" if near else f"; the model reads {', '.join(self.names)}"
        )


def _cell(column: Column, value: object, path: str) -> object:
    if not column.type.holds(value):
        raise BadInputError(path, f"send {column.type.words}, not {_kind_of(value)}")
    if column.type is _WHOLE and isinstance(value, float):
        return int(value)
    return value


def _kind_of(value: object) -> str:
    """Say what a JSON value is, short enough for one sentence and without repeating it whole."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        text = repr(value) if isinstance(value, float) or abs(value) < 10**30 else "a huge number"
        return text.replace("inf", "Infinity").replace("nan", "NaN")
    if isinstance(value, str):
        return f"the text {value[:40]!r}"
    return "a list" if isinstance(value, list) else "an object"


def read_signature(inputs: str) -> InputSignature:
    """Read the `inputs` of an MLmodel's signature: columns with names, or one tensor of numbers.

    Raises ValueError for a column type or a shape that a tabular service can't answer.
    """
    specs = json.loads(inputs)
    if len(specs) == 1 and specs[0]["type"] == "tensor":
        shape = specs[0]["tensor-spec"]["shape"]
        if len(shape) != 2 or shape[1] < 1:
            raise ValueError(
                f"the signature's tensor has shape {shape}; a table needs [-1, columns]"
            )
        columns = (Column(f"x{index}", _NUMBER) for index in range(shape[1]))
        return InputSignature(tuple(columns), named=False)
    unknown = sorted({str(spec["type"]) for spec in specs} - set(_TYPES))
    if unknown:
        raise ValueError(f"the signature has columns of type {', '.join(unknown)}, unknown here")
    return InputSignature(
        tuple(
            Column(str(spec.get("name", f"x{index}")), _TYPES[spec["type"]])
            for index, spec in enumerate(specs)
        )
    )
