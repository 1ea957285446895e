"""Rows that were checked against a signature, in the shapes that engines read."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np

_CELL_BYTES = 32
"""Of a number, or of a text besides its letters."""


class Rows:
    """Rows in the signature's order: as cells row by row, column by column, or one matrix.

    Protocols that speak JSON have cells or columns, those that send tensors have a matrix; each
    is made from the others when an engine first asks for it.
    """

    __slots__ = ("_cells", "_columns", "_matrix", "count")

    def __init__(
        self,
        cells: list[list[Any]] | None = None,
        matrix: np.ndarray | None = None,
        columns: Sequence[Sequence[Any]] | None = None,
    ) -> None:
        self._cells = cells
        self._matrix = matrix
        self._columns = columns
        if cells is not None:
            self.count = len(cells)
        elif matrix is not None:
            self.count = len(matrix)
        elif columns:
            self.count = len(columns[0])
        else:
            raise ValueError("rows need cells, columns or a matrix")

    @property
    def cells(self) -> list[list[Any]]:
        """One list for each row: numbers, texts and truth values."""
        if self._cells is None:
            if self._matrix is not None:
                self._cells = self._matrix.tolist()
            else:
                self._cells = list(map(list, zip(*self.columns, strict=True)))
        return self._cells

    @property
    def columns(self) -> Sequence[Sequence[Any]]:
        """One sequence of cells for each column."""
        if self._columns is None:
            self._columns = list(zip(*self.cells, strict=True))
        return self._columns

    @property
    def matrix(self) -> np.ndarray:
        """The numbers, shape (rows, columns), float64; ValueError where a cell is a text."""
        if self._matrix is None:
            self._matrix = np.array(self.cells, dtype=np.float64)
        return self._matrix

    @property
    def size_bytes(self) -> int:
        """About how much memory the rows take while they wait; by the first row's types."""
        if self._matrix is not None:
            return self._matrix.nbytes
        cells = self.cells
        texts = [index for index, cell in enumerate(cells[0]) if isinstance(cell, str)]
        letters = sum(len(str(row[index])) for index in texts for row in cells)
        return len(cells) * len(cells[0]) * _CELL_BYTES + letters

    def part(self, start: int, stop: int) -> Rows:
        """Return some of the rows."""
        if self._matrix is not None:
            return Rows(matrix=self._matrix[start:stop])
        return Rows(cells=self.cells[start:stop])


def joined(parts: Sequence[Rows]) -> Rows:
    """Put rows of several requests below each other, as cells if any of them has cells."""
    if len(parts) == 1:
        return parts[0]
    if any(part._matrix is None for part in parts):
        return Rows(cells=list(chain.from_iterable(part.cells for part in parts)))
    return Rows(matrix=np.concatenate([part.matrix for part in parts]))
