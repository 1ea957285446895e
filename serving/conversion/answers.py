"""What an engine answers to each of many rows, when it may fail on any of them."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from serving.runtime.engines.engine import Engine, Outputs
from serving.runtime.rows import Rows

Answer = Mapping[str, Any] | None
"""The outputs of one row; None where the engine raised, or gave what no server sends."""


def answers_to(engine: Engine, cells: Sequence[list[Any]]) -> list[Answer]:
    """Ask for all rows at once, and in halves where the engine raises."""
    if not cells:
        return []
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of overflows: that's what odd rows are for
            outputs = engine.outputs(Rows(cells=list(cells)))
    except Exception:  # noqa: BLE001 (a model is anybody's code: it may raise anything)
        if len(cells) == 1:
            return [None]
        middle = len(cells) // 2
        return [*answers_to(engine, cells[:middle]), *answers_to(engine, cells[middle:])]
    return _by_row(outputs, len(cells))


def answers_one_by_one(engine: Engine, cells: Sequence[list[Any]]) -> list[Answer]:
    """Ask for each row alone: one row takes another way through ONNX Runtime than many."""
    return [answers_to(engine, [row])[0] for row in cells]


def _by_row(outputs: Outputs, count: int) -> list[Answer]:
    fine = np.ones(count, dtype=bool)
    for values in outputs.values():
        if values.dtype.kind == "f":
            fine &= np.isfinite(values.reshape(count, -1)).all(axis=1)
    lists = {name: values.tolist() for name, values in outputs.items()}
    return [
        {name: values[row] for name, values in lists.items()} if fine[row] else None
        for row in range(count)
    ]
