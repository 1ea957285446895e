"""The columns that a model reads, as its MLflow signature states them, and the check of rows."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from serving.runtime.bad_input import BadInputError
from serving.runtime.columns import NUMBER, TYPES, WHOLE, Column
from serving.runtime.finite import are_finite
from serving.runtime.quick_check import QuickCheck
from serving.runtime.rows import Rows

_EXACT_IN_A_FLOAT = 2**53
_LONGEST_NAME = 80


@dataclass(frozen=True, slots=True)
class ByKey:
    """The key that a caller may send, and the columns that are then looked up."""

    entity: Column
    columns: tuple[str, ...]


@dataclass(frozen=True)  # without slots, which leave no place for what is cached
class InputSignature:
    """All columns that a model reads, in order; `named` is False for a plain array."""

    columns: tuple[Column, ...]
    named: bool = True

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The columns' names, in order."""
        return tuple(column.name for column in self.columns)

    @cached_property
    def sendable(self) -> tuple[str, ...]:
        """The names that a row may have: those of the columns, and a key that stands for some."""
        return self.names

    @property
    def by_key(self) -> ByKey | None:
        """What may be sent instead of some columns; None where nobody looks anything up."""
        return None

    @property
    def made_up_row(self) -> Rows:
        """A row that the signature allows, with nothing in it."""
        return Rows(cells=[[column.type.made_up for column in self.columns]])

    def checked(self, features: object, path: str = "features") -> Rows:
        """Return rows that came as lists or as objects; raise BadInputError where one is wrong."""
        if type(features) is list and features:
            rows = self._quick_check.rows(features)
            if rows is not None:
                return rows
        return Rows(cells=self._cell_by_cell(features, path))

    def checked_row(self, row: object, path: str) -> Rows:
        """Return a row that came without a list around it; its errors have the path as sent."""
        try:
            return self.checked([row], path)
        except BadInputError as refused:
            sent = refused.path.replace(f"{path}[0]", path, 1).removeprefix(".")
            raise BadInputError(sent, refused.sentence) from None

    def checked_columns(self, columns: Mapping[str, Any], path: str = "columns") -> Rows:
        """Return rows that came as one list or array for each column, by name."""
        self._check_names(columns, path)
        checked: list[list[Any]] = []
        for column in self.columns:
            where = f"{path}.{column.name}"
            values = values_of(columns[column.name], where)
            if checked and len(values) != len(checked[0]):
                words = f"{len(checked[0])} values, as {self.names[0]} has, not {len(values)}"
                raise BadInputError(where, f"send {words}")
            checked.append(checked_cells(column, values, where))
        if not checked[0]:
            raise BadInputError(path, "send at least one row")
        return Rows(columns=checked)

    def checked_matrix(self, matrix: np.ndarray, path: str = "matrix") -> Rows:
        """Return rows that came as a matrix of numbers, where the model reads nothing else."""
        if matrix.ndim != 2:
            words = f"send a matrix of shape [rows, {len(self.columns)}], not {list(matrix.shape)}"
            raise BadInputError(path, words)
        numbers = self._surely_right_numbers(matrix)
        if numbers is None:
            return self.checked(matrix.tolist(), path)
        return Rows(matrix=numbers)

    @cached_property
    def _quick_check(self) -> QuickCheck:
        return QuickCheck(self.columns)

    # A matrix, all at once.

    def _surely_right_numbers(self, matrix: np.ndarray) -> np.ndarray | None:
        """Return the matrix as float64, or None when its cells need a closer look."""
        if not self._reads_only_numbers or not matrix.size:
            return None
        if matrix.shape[1] != len(self.columns) or not _fits_floats(matrix):
            return None
        numbers = np.ascontiguousarray(matrix, dtype=np.float64)
        if not are_finite(numbers):
            return None
        wholes = numbers[:, self._wholes] if self._wholes else None
        return numbers if wholes is None or _are_exact_wholes(wholes) else None

    @cached_property
    def _reads_only_numbers(self) -> bool:
        return all(column.type in (NUMBER, WHOLE) for column in self.columns)

    @cached_property
    def _wholes(self) -> list[int]:
        return [index for index, column in enumerate(self.columns) if column.type is WHOLE]

    # Cell by cell, to say which one is wrong.

    def _cell_by_cell(self, features: object, path: str) -> list[list[Any]]:
        if not isinstance(features, list):
            raise BadInputError(path, f"send a list of rows, not {kind_of(features)}")
        if not features:
            raise BadInputError(path, "send at least one row")
        return [self._row(row, f"{path}[{index}]") for index, row in enumerate(features)]

    def _row(self, row: object, path: str) -> list[Any]:
        if isinstance(row, Mapping):
            return self._named_cells(row, path)
        if isinstance(row, list):
            return self._ordered_cells(row, path)
        raise BadInputError(path, f"send a row as a list or an object, not {kind_of(row)}")

    def _named_cells(self, row: Mapping[str, object], path: str) -> list[Any]:
        self._check_names(row, path)
        return [
            checked_cell(column, row[column.name], f"{path}.{column.name}")
            for column in self.columns
        ]

    def _ordered_cells(self, row: list[object], path: str) -> list[Any]:
        if len(row) != len(self.columns):
            wanted = f"{len(self.columns)} values ({', '.join(self.names)})"
            raise BadInputError(path, f"a row has {wanted}, not {len(row)}")
        return [
            checked_cell(column, value, f"{path}[{index}] ({column.name})")
            for index, (column, value) in enumerate(zip(self.columns, row, strict=True))
        ]

    def _check_names(self, given: Mapping[str, object], path: str) -> None:
        for name in given:
            if name not in self.names:
                raise self._unknown(name, path)
        for name in self.names:
            if name not in given:
                raise BadInputError(f"{path}.{name}", "this column is missing")

    def _unknown(self, name: str, path: str) -> BadInputError:
        short = name[:_LONGEST_NAME]
        return BadInputError(f"{path}.{short}", f"unknown column{self._hint(short)}")

    def _hint(self, name: str) -> str:
        near = difflib.get_close_matches(name, self.sendable, n=1)
        return (
            f"; did you mean {near[0]}?" if near else f"; the model reads {', '.join(self.names)}"
        )


def values_of(given: object, path: str) -> list[Any]:
    """Return a column's values as Python's own."""
    if isinstance(given, list):
        return given
    if not isinstance(given, np.ndarray):
        raise BadInputError(path, f"send a list of values, not {kind_of(given)}")
    if given.ndim != 1 and given.shape[1:] != (1,):
        raise BadInputError(path, f"send one value for each row, not {list(given.shape)}")
    return given.ravel().tolist()


def checked_cells(column: Column, values: list[Any], path: str) -> list[Any]:
    """Return all values of a column as it holds them; raise BadInputError for one that's wrong."""
    if column.type.surely_holds(values):
        return values
    return [checked_cell(column, value, f"{path}[{row}]") for row, value in enumerate(values)]


def checked_cell(column: Column, value: object, path: str) -> object:
    """Return a value as its column holds it; raise BadInputError when it's none for it."""
    if not column.type.holds(value):
        raise BadInputError(path, f"send {column.type.words}, not {kind_of(value)}")
    if column.type is WHOLE and isinstance(value, float):
        return int(value)
    return value


def _fits_floats(matrix: np.ndarray) -> bool:
    """Whether these are numbers that keep their value as float64."""
    if matrix.dtype.kind == "f":
        return matrix.dtype.itemsize <= 8
    if matrix.dtype.kind not in "iu":
        return False
    return bool(matrix.max() <= _EXACT_IN_A_FLOAT and matrix.min() >= -_EXACT_IN_A_FLOAT)


def _are_exact_wholes(numbers: np.ndarray) -> bool:
    return bool((np.rint(numbers) == numbers).all() and (abs(numbers) <= _EXACT_IN_A_FLOAT).all())


def kind_of(value: object) -> str:
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
        columns = (Column(f"x{index}", NUMBER) for index in range(shape[1]))
        return InputSignature(tuple(columns), named=False)
    unknown = sorted({str(spec["type"]) for spec in specs} - set(TYPES))
    if unknown:
        raise ValueError(f"the signature has columns of type {', '.join(unknown)}, unknown here")
    return InputSignature(
        tuple(
            Column(str(spec.get("name", f"x{index}")), TYPES[spec["type"]])
            for index, spec in enumerate(specs)
        )
    )
