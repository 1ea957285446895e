"""LightGBM's boosted trees as ONNX.

They compare in float64, and onnxmltools' translation in float32: a row between a threshold and the
float32 next to it would go another way.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from serving.conversion.graph import Graph, Matrix
from serving.conversion.labels import Labels, largest, sigmoids
from serving.conversion.trees import Tree, add_trees
from serving.conversion.untranslatable import UntranslatableError

_IDENTITY = ("regression", "regression_l1", "huber", "fair", "quantile", "mape")
_EXPONENT = ("poisson", "gamma", "tweedie")

Fields = Mapping[str, Any]


def lightgbm_regressor(graph: Graph, matrix: Matrix, estimator: Any) -> str:
    """Add LGBMRegressor."""
    model = _dumped(estimator)
    sums, objective = _sums(graph, matrix, model), str(model["objective"])
    if objective in _EXPONENT:
        return graph.add("Exp", sums)
    if objective not in _IDENTITY:
        raise UntranslatableError(f"LightGBM's objective is {objective}")
    return sums


def lightgbm_classifier(graph: Graph, matrix: Matrix, estimator: Any) -> Labels:
    """Add LGBMClassifier."""
    model = _dumped(estimator)
    objective, *options = str(model.get("objective", "none")).split()
    sums = _sums(graph, matrix, model)
    if objective == "multiclass":
        probabilities = graph.add("Softmax", sums, axis=1)
    elif objective == "binary":
        slope = float(options[0].removeprefix("sigmoid:"))
        probabilities = sigmoids(graph, sums, slope)
    else:
        raise UntranslatableError(f"LightGBM's objective is {objective}")
    return Labels(largest(graph, probabilities), probabilities)


def _dumped(estimator: Any) -> Fields:
    model: Fields = estimator.booster_.dump_model()
    if model["average_output"] or model["pandas_categorical"]:
        raise UntranslatableError("LightGBM averages its trees, or reads pandas' categories")
    return model


def _sums(graph: Graph, matrix: Matrix, model: Fields) -> str:
    trees = [_tree(info["tree_structure"]) for info in model["tree_info"]]
    width = model["num_tree_per_iteration"]
    targets = [number % width for number in range(len(trees))]
    return add_trees(graph, matrix, trees, targets, width)


def _tree(root: Fields) -> Tree:
    nodes = [root]
    left, right = [], []
    for node in nodes:  # grows while it is walked: children come after their parents
        place = len(nodes) if "left_child" in node else -1
        left.append(place)
        right.append(place + 1 if place > 0 else -1)
        if place > 0:
            nodes += [node["left_child"], node["right_child"]]
    is_leaf = np.array(left) < 0
    splits = [_split(node) for node in nodes]
    return Tree(
        feature=np.array([feature for feature, _, _ in splits]),
        threshold=np.array([threshold for _, threshold, _ in splits]),
        left=np.array(left),
        right=np.array(right),
        missing_left=np.array([missing for _, _, missing in splits]),
        is_leaf=is_leaf,
        value=np.array([float(node.get("leaf_value", 0.0)) for node in nodes]),
    )


def _split(node: Fields) -> tuple[int, float, bool]:
    """Return a node's column, threshold and way for NaN; nothing in particular for a leaf."""
    if "left_child" not in node:
        if "leaf_coeff" in node:
            raise UntranslatableError("LightGBM's leaves are linear models")
        return 0, 0.0, False
    if node["decision_type"] != "<=" or node["missing_type"] == "Zero":
        raise UntranslatableError("LightGBM splits on sets of categories, or takes 0 for missing")
    return node["split_feature"], float(node["threshold"]), bool(node["default_left"])
