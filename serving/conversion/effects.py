"""The T-learner as ONNX: the difference of two models, and how far its replicates spread."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import Any

import numpy as np

from serving.conversion.graph import Graph, Matrix
from serving.conversion.linear import add_linear
from serving.conversion.pipelines import answers, steps_of
from serving.conversion.predictors import is_linear
from serving.conversion.untranslatable import UntranslatableError
from serving.conversion.ways import Way
from serving.models.meta_learner import TLearner


def effects_of(graph: Graph, matrix: Matrix, learner: TLearner, way: Way) -> dict[str, str]:
    """Add a fitted T-learner: the effect on each row, and its interval."""
    pairs = [learner.pair_, *learner.bootstrap_pairs_]
    if len(pairs) < 3:
        raise UntranslatableError("the T-learner has too few replicates for an interval")
    treated, others = ([pair[side] for pair in pairs] for side in (0, 1))
    effects = _differences(graph, matrix, treated, others, way)
    middle, replicates = graph.add_many(
        "Split", [effects, graph.constant([1, len(pairs) - 1], "int64")], 2, axis=1
    )
    reach = NormalDist().inv_cdf((1 + learner.coverage) / 2)
    around = _deviation(graph, replicates, len(pairs) - 1, reach)
    return {"predictions": middle, "intervals": graph.add("Add", middle, around)}


def _differences(
    graph: Graph, matrix: Matrix, treated: Sequence[Any], others: Sequence[Any], way: Way
) -> str:
    """Return what each pair of models makes a difference; that of linear ones is linear."""
    if all(is_linear(model) for model in [*treated, *others]):
        weights, intercepts = (_stacked(treated)[i] - _stacked(others)[i] for i in (0, 1))
        return add_linear(graph, matrix, weights, intercepts)
    one, other = (_all_predictions(graph, matrix, models, way) for models in (treated, others))
    return graph.add("Sub", one, other)


def _stacked(models: Sequence[Any]) -> tuple[np.ndarray, np.ndarray]:
    weights = np.column_stack([model.coef_ for model in models])
    return weights, np.array([float(model.intercept_) for model in models])


def _all_predictions(graph: Graph, matrix: Matrix, models: Sequence[Any], way: Way) -> str:
    values = [answers(graph, matrix, steps_of(model), way)["predictions"] for model in models]
    return graph.add("Concat", *values, axis=1)


def _deviation(graph: Graph, values: str, count: int, reach: float) -> str:
    """Return each row's standard deviation times -reach and reach, one degree of freedom less."""
    axis = graph.constant([1], "int64")
    off = graph.add("Sub", values, graph.add("ReduceMean", values, axis))
    factor = reach / math.sqrt(count - 1)
    return graph.add("Mul", graph.add("ReduceL2", off, axis), graph.constant([-factor, factor]))
