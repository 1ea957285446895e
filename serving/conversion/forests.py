"""scikit-learn's trees and forests as ONNX; they round what they read to float32."""

from __future__ import annotations

from typing import Any

import numpy as np

from serving.conversion.graph import Graph, Matrix
from serving.conversion.labels import Labels, largest
from serving.conversion.rounding import as_single, poison
from serving.conversion.trees import Tree, add_trees
from serving.conversion.untranslatable import UntranslatableError


def tree_of(fitted: Any, value: np.ndarray) -> Tree:
    """Return a fitted tree whose leaves add these values."""
    return Tree(
        feature=fitted.feature,
        threshold=fitted.threshold,
        left=fitted.children_left,
        right=fitted.children_right,
        missing_left=np.asarray(fitted.missing_go_to_left, dtype=bool),
        is_leaf=fitted.children_left == -1,
        value=value,
    )


def forest_regressor(graph: Graph, matrix: Matrix, estimator: Any) -> str:
    """Add a regression tree, or the mean of many."""
    fitted = _members(estimator)
    trees = [tree_of(one, one.value[:, 0, 0]) for one in fitted]
    rounded = as_single(graph, matrix)
    sums = add_trees(graph, rounded, trees, [0] * len(trees), 1)
    return graph.add("Add", _mean(graph, sums, len(trees)), poison(graph, rounded))


def forest_classifier(graph: Graph, matrix: Matrix, estimator: Any) -> Labels:
    """Add a classification tree, or the mean of many."""
    if getattr(estimator, "n_outputs_", 1) != 1:
        raise UntranslatableError("the classifier has several outputs")
    rounded, fitted = as_single(graph, matrix), _members(estimator)
    if len(estimator.classes_) == 2:
        shares = _shares_of_two(graph, rounded, fitted)
    else:
        shares = _shares_of_many(graph, rounded, fitted)
    return Labels(largest(graph, shares), shares)


def _members(estimator: Any) -> list[Any]:
    members = getattr(estimator, "estimators_", [estimator])
    return [member.tree_ for member in members]


def _mean(graph: Graph, sums: str, count: int) -> str:
    return sums if count == 1 else graph.add("Div", sums, graph.constant([float(count)]))


def _shares_of_two(graph: Graph, rounded: Matrix, fitted: list[Any]) -> str:
    """Add up the second class's share, p; both are [-p, p] + [1, 0]."""
    trees = [tree_of(one, one.value[:, 0, 1]) for one in fitted]
    sums = add_trees(graph, rounded, trees, [0] * len(trees), 1)
    count = float(len(trees))
    share = graph.add("Div", sums, graph.constant([-count, count]))
    return graph.add("Add", share, poison(graph, rounded, (1.0, 0.0)))


def _shares_of_many(graph: Graph, rounded: Matrix, fitted: list[Any]) -> str:
    """Find each tree's leaf, and look up its shares: a leaf can add to one sum only."""
    trees, shares, start = [], [], 0
    for one in fitted:
        trees.append(tree_of(one, np.arange(one.node_count) + float(start)))
        shares.append(one.value[:, 0, :])
        start += one.node_count
    leaves = add_trees(graph, rounded, trees, range(len(trees)), len(trees))
    table = graph.constant(np.concatenate(shares))
    found = graph.add("Gather", table, graph.cast(leaves, "int64"), axis=0)
    mean = graph.add("ReduceMean", found, graph.constant([1], "int64"), keepdims=0)
    return graph.add("Add", mean, poison(graph, rounded))
