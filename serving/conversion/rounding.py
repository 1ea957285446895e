"""The rounding to float32 that forests and other people's converters begin with."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from serving.conversion.graph import Graph, Matrix


def as_single(graph: Graph, matrix: Matrix) -> Matrix:
    """Return the table rounded to float32, and still as float64, which trees compare in."""
    rounded = graph.cast(graph.cast(matrix.name, "float32"), "float64")
    return replace(matrix, name=rounded)


def poison(graph: Graph, rounded: Matrix, start: Any = (0.0,)) -> str:
    """Return `start` for each row, or NaN for a row with a number beyond float32.

    scikit-learn refuses such a row. Here the number has become infinite, and infinity times
    nothing is NaN, which no server sends; so this is added to the answer.
    """
    nothing = np.zeros((rounded.width, len(start)))
    return graph.add("Gemm", rounded.name, graph.constant(nothing), graph.constant(start))
