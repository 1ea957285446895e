"""Linear models as ONNX."""

from __future__ import annotations

from typing import Any

import numpy as np

from serving.conversion.graph import Graph, Matrix
from serving.conversion.labels import Labels, largest


def add_linear(graph: Graph, matrix: Matrix, weights: np.ndarray, intercepts: np.ndarray) -> str:
    """Add sums of the columns; `weights` has shape (columns, sums)."""
    placed = graph.constant(matrix.placed(weights, 0.0))
    return graph.add("Gemm", matrix.name, placed, graph.constant(intercepts))


def linear_regressor(graph: Graph, matrix: Matrix, estimator: Any) -> str:
    """Add LinearRegression and its kin."""
    weights = np.asarray(estimator.coef_, dtype=float).reshape(-1, 1)
    return add_linear(graph, matrix, weights, np.ravel(estimator.intercept_))


def log_linear_regressor(graph: Graph, matrix: Matrix, estimator: Any) -> str:
    """Add a generalized linear model with a logarithmic link."""
    return graph.add("Exp", linear_regressor(graph, matrix, estimator))


def linear_classifier(graph: Graph, matrix: Matrix, estimator: Any) -> Labels:
    """Add a linear classifier that has no probabilities."""
    return Labels(largest(graph, _scores(graph, matrix, estimator)), None)


def logistic_classifier(graph: Graph, matrix: Matrix, estimator: Any) -> Labels:
    """Add LogisticRegression, for two classes or many."""
    scores = _scores(graph, matrix, estimator)
    if len(estimator.classes_) == 2:
        return Labels(largest(graph, scores), graph.add("Sigmoid", scores))
    return Labels(largest(graph, scores), graph.add("Softmax", scores, axis=1))


def _scores(graph: Graph, matrix: Matrix, estimator: Any) -> str:
    """Return a score for each class; of two classes, the first's is the second's negative."""
    weights = np.atleast_2d(estimator.coef_).T
    intercepts = np.broadcast_to(estimator.intercept_, weights.shape[1:])
    if len(estimator.classes_) == 2:
        weights, intercepts = np.hstack([-weights, weights]), np.append(-intercepts, intercepts)
    return add_linear(graph, matrix, weights, intercepts)
