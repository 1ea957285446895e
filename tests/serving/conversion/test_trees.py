from __future__ import annotations

import numpy as np

from serving.conversion.graph import Graph, Matrix
from serving.conversion.trees import Tree, add_trees
from tests.serving.conversion.asked import asked


def stump(threshold: float, low: float, high: float, *, missing_left: bool = False) -> Tree:
    """A tree that answers `low` up to the threshold of the first column, and `high` above."""
    return Tree(
        feature=np.array([0, -2, -2]),
        threshold=np.array([threshold, -2.0, -2.0]),
        left=np.array([1, -1, -1]),
        right=np.array([2, -1, -1]),
        missing_left=np.array([missing_left, False, False]),
        is_leaf=np.array([False, True, True]),
        value=np.array([0.0, low, high]),
    )


LEAF = Tree(
    feature=np.array([-2]),
    threshold=np.array([-2.0]),
    left=np.array([-1]),
    right=np.array([-1]),
    missing_left=np.array([False]),
    is_leaf=np.array([True]),
    value=np.array([5.0]),
)


def sums(
    trees: list[Tree], targets: list[int], width: int, rows: list[list[float]]
) -> list[list[float]]:
    graph = Graph()
    columns = len(rows[0])
    matrix = Matrix.whole(graph.input("x", "float64", columns), columns)
    found = add_trees(graph, matrix, trees, targets, width)
    (values,) = asked(graph, {"predictions": found}, rows)
    return values.tolist()


def test_values_at_the_threshold_go_left() -> None:
    above = float(np.nextafter(0.1, 1))
    assert sums([stump(0.1, 1.0, 2.0)], [0], 1, [[0.1], [above]]) == [[1.0], [2.0]]


def test_leaves_keep_every_digit() -> None:
    assert sums([stump(0.0, 0.1, 1 / 3)], [0], 1, [[-1.0], [1.0]]) == [[0.1], [1 / 3]]


def test_trees_add_up_by_target_in_their_order() -> None:
    trees = [stump(0.0, 0.1, 1.0), stump(0.0, 7.0, 8.0), stump(0.0, 0.2, 2.0)]
    assert sums(trees, [0, 1, 0], 2, [[-1.0], [1.0]]) == [[0.1 + 0.2, 7.0], [3.0, 8.0]]


def test_a_tree_may_be_nothing_but_a_leaf() -> None:
    assert sums([LEAF, stump(0.0, 1.0, 2.0)], [0, 0], 1, [[-1.0]]) == [[6.0]]


def test_missing_numbers_go_where_the_tree_says() -> None:
    trees = [stump(0.0, 1.0, 2.0, missing_left=True), stump(0.0, 10.0, 20.0)]
    assert sums(trees, [0, 1], 2, [[float("nan")]]) == [[1.0, 20.0]]


def test_columns_are_found_where_they_lie() -> None:
    graph = Graph()
    matrix = Matrix(graph.input("x", "float64", 2), 2, np.array([1, 0]))
    found = add_trees(graph, matrix, [stump(0.0, 1.0, 2.0)], [0], 1)
    (values,) = asked(graph, {"predictions": found}, [[-1.0, 1.0], [1.0, -1.0]])
    assert values.tolist() == [[2.0], [1.0]]
