from __future__ import annotations

import numpy as np
import pytest

from serving.conversion.graph import Graph, Matrix
from serving.conversion.untranslatable import UntranslatableError
from tests.serving.conversion.asked import asked


def doubled() -> Graph:
    graph = Graph()
    graph.input("x", "float64", 2)
    graph.add("Mul", "x", graph.constant([2.0]))
    return graph


def test_the_same_calls_give_the_same_bytes() -> None:
    assert doubled().finished({"predictions": "v2"}) == doubled().finished({"predictions": "v2"})


def test_outputs_have_their_public_names() -> None:
    (values,) = asked(doubled(), {"predictions": "v2"}, [[1.0, 2.0]])
    assert values.tolist() == [[2.0, 4.0]]


def test_a_graph_has_one_version_of_each_domain() -> None:
    graph = Graph()
    graph.need("ai.onnx.ml", 3)
    graph.need("ai.onnx.ml", 3)
    with pytest.raises(UntranslatableError, match="two versions"):
        graph.need("ai.onnx.ml", 5)


def test_columns_that_are_chosen_stay_where_they_are() -> None:
    graph = Graph()
    matrix = Matrix.whole(graph.input("x", "float64", 4), 4).chosen(np.array([3, 0, 2]))
    chosen = matrix.chosen(np.array([1, 0]))
    assert chosen.name == "x"
    assert chosen.placed(np.array([10.0, 20.0]), 0.0).tolist() == [10.0, 0.0, 0.0, 20.0]


def test_a_value_in_order_has_the_chosen_columns_only() -> None:
    graph = Graph()
    matrix = Matrix.whole(graph.input("x", "float64", 3), 3)
    ordered = graph.in_order(matrix.chosen(np.array([2, 0])))
    (values,) = asked(graph, {"predictions": ordered}, [[1.0, 2.0, 3.0]])
    assert values.tolist() == [[3.0, 1.0]]
    assert graph.in_order(matrix) == "x"
