"""Rows that were checked against a signature, in the two shapes that engines read."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np


class Rows:
    """Rows in the signature's order: lists of cells, or one matrix of numbers, or both.

    Protocols that speak JSON have cells, those that send tensors have a matrix; each is made
    from the other when an engine first asks for it.
    """

    __slots__ = ("_cells", "_matrix", "count")

    def __init__(
        self, cells: list[list[Any]] | None = None, matrix: np.ndarray | None = None
    ) -> None:
        if cells is None and matrix is None:
            raise ValueError("rows need cells or a matrix")
        self._cells = cells
        self._matrix = matrix
        self.count = len(cells) if cells is not None else len(matrix)  # type: ignore[arg-type]

    @property
    def cells(self) -> list[list[Any]]:
        """One list for each row: numbers, texts and truth values."""
        if self._cells is None:
            self._cells = self._matrix.tolist()  # type: ignore[union-attr]
        return self._cells

    @property
    def matrix(self) -> np.ndarray:
        """The numbers, shape (rows, columns), float64; ValueError where a cell is a text."""
        if self._matrix is None:
            self._matrix = np.asarray(self._cells, dtype=np.float64)
        return self._matrix


def joined(parts: Sequence[Rows]) -> Rows:
    """Put rows of several requests below each other, as cells if any of them has cells."""
    if len(parts) == 1:
        return parts[0]
    if any(part._matrix is None for part in parts):
        return Rows(cells=list(chain.from_iterable(part.cells for part in parts)))
    return Rows(matrix=np.concatenate([part.matrix for part in parts]))
