"""Any model at all, by asking it again and again with cells of a background sample.

SHAP's explainer knows numbers only, so it is shown codes: equal cells of a column have equal
ones, and they become cells again before the model sees them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from serving.runtime.explanations.attribution import Attribution, Way
from serving.runtime.rows import Rows

Ask = Callable[[Rows], np.ndarray]
"""What the model answers to rows, shape (rows, outputs)."""
_MOST_ROWS = 100
_SEED = 0
"""The same question has the same answer."""


def permutation_way(ask: Ask, background: Rows) -> Way:
    """Return the way; shares add up exactly, and each is right up to the sampling of orders."""
    known = background.part(0, _MOST_ROWS).cells
    return lambda rows: _attribution(ask, known, rows.cells)


def _attribution(ask: Ask, known: list[list[Any]], asked: list[list[Any]]) -> Attribution:
    from shap import PermutationExplainer  # type: ignore[import-untyped]
    from shap.maskers import Independent  # type: ignore[import-untyped]

    coding = _Coding([*known, *asked])

    def answer(codes: np.ndarray) -> np.ndarray:
        return ask(Rows(cells=coding.cells(codes)))

    masker = Independent(coding.codes[: len(known)], max_samples=_MOST_ROWS)
    explainer = PermutationExplainer(answer, masker, seed=_SEED)
    columns = len(coding.codes[0])
    found = explainer(coding.codes[len(known) :], max_evals=_evaluations(columns), silent=True)
    # A model of one output has no axis for it here.
    base = np.asarray(found.base_values).reshape(len(asked), -1)[0]
    return Attribution(base, np.asarray(found.values).reshape(len(asked), columns, -1))


def _evaluations(columns: int) -> int:
    """Ten orders of the columns, each there and back."""
    return 10 * (2 * columns + 1)


class _Coding:
    """Cells as numbers: a cell's code is the place of its value among those of its column."""

    def __init__(self, cells: list[list[Any]]) -> None:
        places: list[dict[Any, int]] = [{} for _ in cells[0]]
        self.codes = np.array(
            [
                [
                    known.setdefault(cell, len(known))
                    for known, cell in zip(places, row, strict=True)
                ]
                for row in cells
            ],
            dtype=float,
        )
        self._values = [list(known) for known in places]

    def cells(self, codes: np.ndarray) -> list[list[Any]]:
        """Return the rows that codes stand for."""
        return [
            [values[int(code)] for values, code in zip(self._values, row, strict=True)]
            for row in codes
        ]
