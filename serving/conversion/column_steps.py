"""Fitted steps that treat each column by itself: scalers, imputers, selections.

Each becomes the operations that scikit-learn's own `transform` does, in its order and in
float64. A scaler that multiplies by a reciprocal instead is off by one bit, and one bit is enough
to send a row down another branch of a tree.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.feature_selection import (
    SelectFromModel,
    SelectKBest,
    SelectPercentile,
    VarianceThreshold,
)
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    RobustScaler,
    StandardScaler,
)

from serving.conversion.graph import Graph, Matrix
from serving.conversion.untranslatable import UntranslatableError


@dataclass(frozen=True, slots=True)
class ColumnStep:
    """One operation with a number for each column: Sub, Div, Mul, Add, Max, Min, or Fill.

    `Fill` puts the number where the column has NaN.
    """

    operator: str
    numbers: np.ndarray

    def widened(self, width: int, start: int) -> ColumnStep:
        """Return the same step among `width` columns, of which it changes those from `start`."""
        numbers = np.full(width, _NEUTRAL[self.operator])
        numbers[start : start + len(self.numbers)] = self.numbers
        return ColumnStep(self.operator, numbers)


_NEUTRAL = {
    "Sub": 0.0,
    "Add": 0.0,
    "Mul": 1.0,
    "Div": 1.0,
    "Max": -np.inf,
    "Min": np.inf,
    "Fill": np.nan,
}


def column_steps(step: Any, *, sparse: bool) -> list[ColumnStep]:
    """Return the operations of a fitted step; UntranslatableError for one that isn't columnwise."""
    translate = _STEPS.get(type(step))
    if translate is None:
        raise UntranslatableError(f"there is no columnwise translation of {type(step).__name__}")
    return translate(step, sparse)


def add_column_steps(graph: Graph, matrix: Matrix, steps: Sequence[ColumnStep]) -> Matrix:
    """Add the operations to the graph."""
    for step in steps:
        numbers = graph.constant(matrix.placed(step.numbers, _NEUTRAL[step.operator]))
        if step.operator == "Fill":
            missing = graph.add("IsNaN", matrix.name)
            name = graph.add("Where", missing, numbers, matrix.name)
        else:
            name = graph.add(step.operator, matrix.name, numbers)
        matrix = replace(matrix, name=name)
    return matrix


def add_transform(graph: Graph, matrix: Matrix, step: Any) -> Matrix:
    """Add a step of a pipeline: a columnwise one, or one that drops columns."""
    if step is None or (isinstance(step, str) and step == "passthrough"):
        return matrix
    if isinstance(step, _SELECTIONS):
        return matrix.chosen(np.flatnonzero(step.get_support()))
    return add_column_steps(graph, matrix, column_steps(step, sparse=matrix.sparse))


_SELECTIONS = (SelectKBest, SelectPercentile, SelectFromModel, VarianceThreshold)


def _divided(numbers: np.ndarray, sparse: bool) -> ColumnStep:
    """Divide as scikit-learn does: sparse columns are multiplied by the reciprocal."""
    return ColumnStep("Mul", 1.0 / numbers) if sparse else ColumnStep("Div", numbers)


def _standard(step: StandardScaler, sparse: bool) -> list[ColumnStep]:
    steps = []
    if step.with_mean:
        steps.append(ColumnStep("Sub", step.mean_))
    if step.with_std:
        steps.append(_divided(step.scale_, sparse))
    return steps


def _robust(step: RobustScaler, sparse: bool) -> list[ColumnStep]:
    steps = []
    if step.with_centering:
        steps.append(ColumnStep("Sub", step.center_))
    if step.with_scaling:
        steps.append(_divided(step.scale_, sparse))
    return steps


def _max_abs(step: MaxAbsScaler, sparse: bool) -> list[ColumnStep]:
    return [_divided(step.scale_, sparse), *_clipped(step, -1.0, 1.0)]


def _min_max(step: MinMaxScaler, sparse: bool) -> list[ColumnStep]:
    low, high = step.feature_range
    scaled = [ColumnStep("Mul", step.scale_), ColumnStep("Add", step.min_)]
    return [*scaled, *_clipped(step, low, high)]


def _clipped(step: Any, low: float, high: float) -> list[ColumnStep]:
    if not step.clip:
        return []
    width = len(step.scale_)
    return [ColumnStep("Max", np.full(width, low)), ColumnStep("Min", np.full(width, high))]


def _imputed(step: SimpleImputer, sparse: bool) -> list[ColumnStep]:
    fills = np.asarray(step.statistics_)
    plain = fills.dtype.kind == "f" and not np.isnan(fills).any()
    if not plain or step.add_indicator or not _is_nan(step.missing_values):
        raise UntranslatableError("the imputer fills in something else than missing numbers")
    return [ColumnStep("Fill", fills)]


def _is_nan(value: object) -> bool:
    return isinstance(value, float) and np.isnan(value)


def _unchanged(step: FunctionTransformer, sparse: bool) -> list[ColumnStep]:
    if step.func is not None:
        name = getattr(step.func, "__name__", type(step.func).__name__)
        raise UntranslatableError(f"the function {name} is Python code")
    return []


_STEPS: dict[type, Callable[[Any, bool], list[ColumnStep]]] = {
    StandardScaler: _standard,
    RobustScaler: _robust,
    MaxAbsScaler: _max_abs,
    MinMaxScaler: _min_max,
    SimpleImputer: _imputed,
    FunctionTransformer: _unchanged,
}
