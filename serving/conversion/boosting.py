"""scikit-learn's boosted trees as ONNX."""

from __future__ import annotations

from typing import Any

import numpy as np

from serving.conversion.forests import tree_of
from serving.conversion.graph import Graph, Matrix
from serving.conversion.labels import Labels, largest, sigmoids
from serving.conversion.rounding import as_single, poison
from serving.conversion.trees import Tree, add_trees
from serving.conversion.untranslatable import UntranslatableError


def _boosted_sums(graph: Graph, matrix: Matrix, estimator: Any) -> str:
    """Add up the stages of GradientBoosting*, and the constant that it started from."""
    if type(estimator.init_).__name__ not in ("DummyClassifier", "DummyRegressor", "str"):
        raise UntranslatableError("boosting started from another model, not from a constant")
    stages = estimator.estimators_
    start = estimator._raw_predict_init(np.zeros((1, estimator.n_features_in_), np.float32))[0]
    trees = [
        tree_of(one.tree_, estimator.learning_rate * one.tree_.value[:, 0, 0])
        for stage in stages
        for one in stage
    ]
    width = stages.shape[1]
    targets = [number % width for number in range(len(trees))]
    rounded = as_single(graph, matrix)
    sums = add_trees(graph, rounded, trees, targets, width)
    return graph.add("Add", sums, poison(graph, rounded, start))


def boosted_regressor(graph: Graph, matrix: Matrix, estimator: Any) -> str:
    """Add GradientBoostingRegressor."""
    return _boosted_sums(graph, matrix, estimator)


def boosted_classifier(graph: Graph, matrix: Matrix, estimator: Any) -> Labels:
    """Add GradientBoostingClassifier."""
    sums = _boosted_sums(graph, matrix, estimator)
    if len(estimator.classes_) > 2:
        return Labels(largest(graph, sums), graph.add("Softmax", sums, axis=1))
    probabilities = sigmoids(graph, sums, 2.0 if estimator.loss == "exponential" else 1.0)
    return Labels(largest(graph, probabilities, last=True), probabilities)


def _hist_sums(graph: Graph, matrix: Matrix, estimator: Any) -> str:
    """Add up the iterations of HistGradientBoosting*, whose trees read float64."""
    if estimator.is_categorical_ is not None and np.any(estimator.is_categorical_):
        raise UntranslatableError("the boosted trees split on sets of categories")
    width = estimator.n_trees_per_iteration_
    fitted = [one for iteration in estimator._predictors for one in iteration]
    targets = [number % width for number in range(len(fitted))]
    sums = add_trees(graph, matrix, [_hist_tree(one.nodes) for one in fitted], targets, width)
    return graph.add("Add", sums, graph.constant(np.ravel(estimator._baseline_prediction)))


def _hist_tree(nodes: Any) -> Tree:
    return Tree(
        feature=nodes["feature_idx"].astype(np.int64),
        threshold=nodes["num_threshold"],
        left=nodes["left"].astype(np.int64),
        right=nodes["right"].astype(np.int64),
        missing_left=nodes["missing_go_to_left"].astype(bool),
        is_leaf=nodes["is_leaf"].astype(bool),
        value=nodes["value"],
    )


def hist_regressor(graph: Graph, matrix: Matrix, estimator: Any) -> str:
    """Add HistGradientBoostingRegressor."""
    sums = _hist_sums(graph, matrix, estimator)
    link = type(estimator._loss.link).__name__
    if link not in ("IdentityLink", "LogLink"):
        raise UntranslatableError(f"the boosted trees' link is {link}")
    return graph.add("Exp", sums) if link == "LogLink" else sums


def hist_classifier(graph: Graph, matrix: Matrix, estimator: Any) -> Labels:
    """Add HistGradientBoostingClassifier."""
    sums = _hist_sums(graph, matrix, estimator)
    if len(estimator.classes_) > 2:
        return Labels(largest(graph, sums), graph.add("Softmax", sums, axis=1))
    probabilities = sigmoids(graph, sums)
    return Labels(largest(graph, probabilities), probabilities)
