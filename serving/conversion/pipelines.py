"""Pipelines as ONNX: numeric steps, one after the other or side by side, and a predictor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline

from serving.conversion.column_steps import (
    ColumnStep,
    add_column_steps,
    add_transform,
    column_steps,
)
from serving.conversion.foreign import add_foreign_predictor, add_foreign_transform
from serving.conversion.graph import Graph, Matrix
from serving.conversion.head import Branch
from serving.conversion.predictors import (
    add_classifier,
    add_regressor,
    knows_classifier,
    knows_regressor,
)
from serving.conversion.untranslatable import UntranslatableError
from serving.conversion.ways import Way

_PRECISION = {Way.DOUBLE: "float64", Way.SINGLE: "float32"}


def steps_of(estimator: Any) -> list[Any]:
    """Return a pipeline's fitted steps, or the estimator as the only one."""
    if not isinstance(estimator, Pipeline):
        return [estimator]
    steps = [step for _name, step in estimator.steps]
    return [*steps[:-1], *steps_of(steps[-1])]


def answers(graph: Graph, matrix: Matrix, steps: Sequence[Any], way: Way) -> dict[str, str]:
    """Add numeric steps and a predictor, in others' words where we have none."""
    matrix = transformed(graph, matrix, steps[:-1], way)
    final = steps[-1]
    if knows_classifier(final):
        return add_classifier(graph, matrix, final).outputs()
    if knows_regressor(final):
        return {"predictions": add_regressor(graph, matrix, final)}
    if way is Way.OWN:
        raise UntranslatableError(f"there is no translation of ours for {type(final).__name__}")
    return add_foreign_predictor(graph, matrix, final, _PRECISION[way])


def transformed(graph: Graph, matrix: Matrix, steps: Sequence[Any], way: Way) -> Matrix:
    """Add numeric steps, one after the other."""
    for step in steps:
        matrix = _transformed(graph, matrix, step, way)
    return matrix


def _transformed(graph: Graph, matrix: Matrix, step: Any, way: Way) -> Matrix:
    try:
        return add_transform(graph, matrix, step)
    except UntranslatableError:
        if way is Way.OWN:
            raise
        return add_foreign_transform(graph, matrix, step, _PRECISION[way])


def joined(graph: Graph, matrix: Matrix, branches: Sequence[Branch], way: Way) -> Matrix:
    """Add the steps of a ColumnTransformer's branches: all columns at once, if that is possible."""
    try:
        steps = _widened(branches)
    except UntranslatableError:
        if way is Way.OWN:
            raise
        return _side_by_side(graph, matrix, branches, way)
    return add_column_steps(graph, matrix, steps)


def _widened(branches: Sequence[Branch]) -> list[ColumnStep]:
    """Return steps for the whole table; each leaves the other branches' columns as they are."""
    width, start = sum(branch.width for branch in branches), 0
    steps = []
    for branch in branches:
        for step in branch.steps:
            own = column_steps(step, sparse=branch.sparse)
            steps += [each.widened(width, start) for each in own]
        start += branch.width
    return steps


def _side_by_side(graph: Graph, matrix: Matrix, branches: Sequence[Branch], way: Way) -> Matrix:
    made, start = [], 0
    for branch in branches:
        columns = matrix.chosen(np.arange(start, start + branch.width))
        part = replace(columns, sparse=branch.sparse)
        made.append(transformed(graph, part, branch.steps, way))
        start += branch.width
    values = [graph.in_order(part) for part in made]
    width = sum(len(part.places) for part in made)
    return replace(Matrix.whole(graph.add("Concat", *values, axis=1), width), sparse=matrix.sparse)
