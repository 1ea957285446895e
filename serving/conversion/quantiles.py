"""Three quantiles as ONNX: put in order, with the interval's margin around them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from serving.conversion.graph import Graph, Matrix
from serving.conversion.pipelines import answers, transformed
from serving.conversion.ways import Way


def quantiles_of(graph: Graph, matrix: Matrix, steps: Sequence[Any], way: Way) -> dict[str, str]:
    """Add numeric steps and a fitted QuantileIntervalRegressor: the median and its interval."""
    *before, model = steps
    rows = transformed(graph, matrix, before, way)
    found = [answers(graph, rows, [each], way)["predictions"] for each in model.predictors_]
    low, middle, high = _in_order(graph, *found)
    margin = graph.constant(float(model.margin_))
    lower = graph.add("Min", graph.add("Sub", low, margin), middle)
    upper = graph.add("Max", graph.add("Add", high, margin), middle)
    return {"predictions": middle, "intervals": graph.add("Concat", lower, upper, axis=1)}


def _in_order(graph: Graph, one: str, two: str, three: str) -> tuple[str, str, str]:
    """Sort three numbers for each row."""
    smaller, larger = graph.add("Min", one, two), graph.add("Max", one, two)
    middle = graph.add("Max", smaller, graph.add("Min", larger, three))
    return graph.add("Min", smaller, three), middle, graph.add("Max", larger, three)
