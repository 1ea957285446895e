"""From the cells of a row to the numbers that a compiled model's graph reads.

The encoders that scikit-learn has fitted are not run: each was asked, when the bento was built,
what it makes of every text it knows. Here the answer is looked up. A row is put together from
bytes, which costs about a microsecond, where making a table costs hundreds.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from operator import itemgetter
from typing import Any, Protocol

import numpy as np

from serving.runtime.rows import Rows

INPUT = "x"
"""The graph's input where it reads one matrix."""

Numbers = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Lookup:
    """A column in which each value that the encoder knows stands for a few numbers."""

    cell: int
    """The column's position in a row."""
    name: str
    known: tuple[tuple[Any, Numbers], ...]
    """The values, each with its numbers."""
    unknown: Numbers | None
    """What any other value stands for; None: a row that has one can't be answered."""


class Form(StrEnum):
    """What a graph reads."""

    MATRIX = "matrix"
    BLOCKS = "blocks"
    COLUMNS = "columns"


@dataclass(frozen=True, slots=True)
class Encoding:
    """The layout of the graph's inputs, in one of three forms.

    `matrix`: the rows are numbers, and the graph reads them as they are. `blocks`: one matrix,
    first the numbers of the cells `numbers`, then those of each lookup. `columns`: one input per
    column, named as `input_name` says, of the types `dtypes`.
    """

    form: Form
    numbers: tuple[int, ...] = ()
    lookups: tuple[Lookup, ...] = ()
    dtypes: tuple[str, ...] = ()

    @property
    def width(self) -> int:
        """How many columns the matrix has."""
        return len(self.numbers) + sum(len(lookup.known[0][1]) for lookup in self.lookups)

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> Encoding:
        """Return the encoding that was written to JSON."""
        return cls(
            form=Form(fields["form"]),
            numbers=tuple(fields["numbers"]),
            lookups=tuple(_lookup(lookup) for lookup in fields["lookups"]),
            dtypes=tuple(fields["dtypes"]),
        )


def _lookup(fields: Mapping[str, Any]) -> Lookup:
    known = tuple((value, tuple(numbers)) for value, numbers in fields["known"])
    unknown = fields["unknown"]
    return Lookup(
        cell=fields["cell"],
        name=fields["name"],
        known=known,
        unknown=None if unknown is None else tuple(unknown),
    )


def input_name(column: int) -> str:
    """Return the name of the graph's input for a column, where each column has its own."""
    return f"column{column}"


class Encoder(Protocol):
    """Makes the graph's inputs of rows; raises ValueError for a row that it can't encode."""

    def inputs(self, rows: Rows) -> dict[str, np.ndarray]:
        """Return the inputs by name."""
        ...


def encoder_of(encoding: Encoding) -> Encoder:
    """Return what encodes rows that way."""
    if encoding.form is Form.COLUMNS:
        return ColumnEncoder(encoding.dtypes)
    if encoding.form is Form.BLOCKS:
        return BlockEncoder(encoding.numbers, encoding.lookups)
    return MatrixEncoder()


class MatrixEncoder:
    """For rows that are numbers already."""

    def inputs(self, rows: Rows) -> dict[str, np.ndarray]:
        """Return the matrix as it is."""
        return {INPUT: rows.matrix}


class BlockEncoder:
    """For rows with texts: packs the numbers, and appends each text's block of numbers."""

    def __init__(self, numbers: Sequence[int], lookups: Sequence[Lookup]) -> None:
        self._pick = _picker(numbers)
        self._pack = struct.Struct(f"={len(numbers)}d").pack
        self._blocks = [(lookup.cell, _Blocks(lookup)) for lookup in lookups]

    def inputs(self, rows: Rows) -> dict[str, np.ndarray]:
        """Return one matrix with a row for each row."""
        pick, pack, parts = self._pick, self._pack, []
        for row in rows.cells:
            parts.append(pack(*pick(row)))
            for cell, blocks in self._blocks:
                parts.append(blocks[row[cell]])
        matrix = np.frombuffer(b"".join(parts), dtype=np.float64)
        return {INPUT: matrix.reshape(rows.count, -1)}


class _Blocks(dict[Any, bytes]):
    """The bytes of each value's numbers."""

    def __init__(self, lookup: Lookup) -> None:
        super().__init__((value, _bytes(numbers)) for value, numbers in lookup.known)
        self._name = lookup.name
        self._unknown = None if lookup.unknown is None else _bytes(lookup.unknown)

    def __missing__(self, value: object) -> bytes:
        if self._unknown is None:
            raise ValueError(f"the model has never seen {value!r} in {self._name}")
        return self._unknown


def _bytes(numbers: Numbers) -> bytes:
    return np.asarray(numbers, dtype=np.float64).tobytes()


def _picker(cells: Sequence[int]) -> Callable[[Sequence[Any]], tuple[Any, ...]]:
    if not cells:
        return lambda row: ()
    if len(cells) == 1:
        (only,) = cells
        return lambda row: (row[only],)
    return itemgetter(*cells)


class ColumnEncoder:
    """For graphs that read the texts themselves: one input of shape (rows, 1) per column."""

    def __init__(self, dtypes: Sequence[str]) -> None:
        self._dtypes = [(input_name(column), dtype) for column, dtype in enumerate(dtypes)]

    def inputs(self, rows: Rows) -> dict[str, np.ndarray]:
        """Return one input per column."""
        return {
            name: np.array(cells, dtype=dtype).reshape(-1, 1)
            for (name, dtype), cells in zip(self._dtypes, rows.columns, strict=True)
        }
