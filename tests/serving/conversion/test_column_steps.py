from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import sparse
from sklearn.decomposition import PCA
from sklearn.feature_selection import SelectKBest, VarianceThreshold
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    RobustScaler,
    StandardScaler,
)

from serving.conversion.column_steps import ColumnStep, add_transform, column_steps
from serving.conversion.graph import Graph, Matrix
from serving.conversion.untranslatable import UntranslatableError
from tests.serving.conversion.asked import asked

RANDOM = np.random.default_rng(3)
ROWS = RANDOM.normal(size=(200, 4)) * [1e-3, 1.0, 1e3, 7.0] + [0.0, 5.0, -300.0, 1e6]
OUTCOME = ROWS[:, 1] > 5


def compiled(step: Any, rows: np.ndarray, *, is_sparse: bool = False) -> np.ndarray:
    graph = Graph()
    matrix = Matrix(graph.input("x", "float64", 4), 4, np.arange(4), is_sparse)
    made = add_transform(graph, matrix, step)
    if made.name == "x":
        made = Matrix(graph.add("Identity", "x"), 4, made.places)
    (values,) = asked(graph, {"predictions": graph.in_order(made)}, rows)
    return values


@pytest.mark.parametrize(
    "step",
    [
        StandardScaler(),
        StandardScaler(with_mean=False),
        StandardScaler(with_std=False),
        RobustScaler(),
        MaxAbsScaler(),
        MaxAbsScaler(clip=True),
        MinMaxScaler(),
        MinMaxScaler(feature_range=(-2, 3), clip=True),
        FunctionTransformer(),
        SelectKBest(k=2),
        VarianceThreshold(threshold=1.0),
    ],
    ids=repr,
)
def test_gives_the_same_bits_as_scikit_learn(step: Any) -> None:
    step.fit(ROWS[:100], OUTCOME[:100])
    np.testing.assert_array_equal(compiled(step, ROWS), step.transform(ROWS))


@pytest.mark.parametrize(
    "step", [StandardScaler(with_mean=False), MaxAbsScaler(), RobustScaler(with_centering=False)]
)
def test_sparse_columns_are_multiplied_by_the_reciprocal(step: Any) -> None:
    step.fit(ROWS)
    wanted = step.transform(sparse.csr_array(ROWS)).toarray()
    np.testing.assert_array_equal(compiled(step, ROWS, is_sparse=True), wanted)
    assert (compiled(step, ROWS) != wanted).any()


def test_missing_numbers_are_filled_in() -> None:
    rows = np.where(RANDOM.random(ROWS.shape) < 0.2, np.nan, ROWS)
    step = SimpleImputer(strategy="median").fit(rows)
    np.testing.assert_array_equal(compiled(step, rows), step.transform(rows))


def test_nothing_is_done_by_a_step_that_passes_through() -> None:
    np.testing.assert_array_equal(compiled("passthrough", ROWS), ROWS)


@pytest.mark.parametrize(
    "step",
    [
        PCA(2),
        FunctionTransformer(np.abs),
        SimpleImputer(missing_values=-1),
        SimpleImputer(add_indicator=True),
    ],
    ids=repr,
)
def test_other_steps_are_none_of_ours(step: Any) -> None:
    step.fit(ROWS)
    with pytest.raises(UntranslatableError):
        column_steps(step, sparse=False)


@pytest.mark.parametrize("operator", ["Sub", "Add", "Mul", "Div", "Max", "Min"])
def test_a_widened_step_leaves_other_columns_as_they_are(operator: str) -> None:
    step = ColumnStep(operator, np.array([2.0])).widened(3, 1)
    calls = {
        "Sub": np.subtract,
        "Add": np.add,
        "Mul": np.multiply,
        "Div": np.divide,
        "Max": np.maximum,
        "Min": np.minimum,
    }
    row = np.array([-1e300, 3.0, 1e-300])
    made = calls[operator](row, step.numbers)
    assert made[[0, 2]].tolist() == row[[0, 2]].tolist()
    assert made[1] == calls[operator](3.0, 2.0)
