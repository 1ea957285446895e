from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.ensemble import BaggingClassifier, StackingRegressor
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.tree import DecisionTreeRegressor

from serving.conversion.foreign import add_foreign_predictor, add_foreign_transform
from serving.conversion.graph import Graph, Matrix
from serving.conversion.untranslatable import UntranslatableError
from tests.serving.conversion.asked import asked
from tests.serving.conversion.zoo import Doubler, cancer, diabetes

FEATURES, TRUTH = diabetes()
WIDTH = FEATURES.shape[1]


def started(width: int = WIDTH) -> tuple[Graph, Matrix]:
    graph = Graph()
    return graph, Matrix.whole(graph.input("x", "float64", width), width)


def predictions(model: Any, precision: str, rows: Any = FEATURES) -> np.ndarray:
    graph, matrix = started()
    outputs = add_foreign_predictor(graph, matrix, model, precision)
    (found,) = asked(graph, outputs, rows)
    return found[:, 0]


def test_a_model_that_computes_in_float64_may_go_on_doing_so() -> None:
    model = LinearRegression().fit(FEATURES, TRUTH)
    wanted = model.predict(FEATURES)
    np.testing.assert_allclose(predictions(model, "float64"), wanted, rtol=1e-12)
    single = predictions(model, "float32")
    assert 1e-12 < np.abs(single / wanted - 1).max() < 1e-4


def test_a_model_with_trees_in_it_reads_float32_in_any_case() -> None:
    random = np.random.default_rng(0)
    steps = np.repeat(np.arange(200.0), 10)
    features = np.tile((16_777_216 + steps)[:, None], (1, WIDTH))  # beyond it float32 has gaps
    model = StackingRegressor([("tree", DecisionTreeRegressor())], LinearRegression(), cv=2)
    model.fit(features, random.normal(size=len(steps)))
    wanted = model.predict(features)
    for precision in ("float64", "float32"):
        found = predictions(model, precision, features)
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)


def test_a_number_beyond_float32_poisons_the_answer() -> None:
    model = BaggingClassifier(n_estimators=3, random_state=0).fit(*cancer())
    graph, matrix = started(30)
    outputs = add_foreign_predictor(graph, matrix, model, "float64")
    rows = cancer()[0][:2].copy()
    rows[1, 3] = 1e39
    _, probabilities = asked(graph, outputs, rows)
    assert np.isfinite(probabilities[0]).all()
    assert np.isnan(probabilities[1]).all()


def test_labels_come_as_positions_among_the_classes() -> None:
    features, truth = cancer()
    model = GaussianNB().fit(features, np.array(["no", "yes"], dtype=object)[truth])
    graph, matrix = started(30)
    outputs = add_foreign_predictor(graph, matrix, model, "float64")
    index, _ = asked(graph, outputs, features)
    assert model.classes_[index].tolist() == model.predict(features).tolist()


def test_a_step_is_translated_by_itself() -> None:
    step = PCA(3).fit(FEATURES)
    graph, matrix = started()
    made = add_foreign_transform(graph, matrix.chosen(np.arange(WIDTH)), step, "float64")
    assert made.places.tolist() == [0, 1, 2]
    (values,) = asked(graph, {"predictions": made.name}, FEATURES)
    np.testing.assert_allclose(values, step.transform(FEATURES), atol=1e-12)


@pytest.mark.parametrize(
    ("model", "why"),
    [
        (KNeighborsClassifier(), "slower than the model"),
        (GaussianProcessRegressor(optimizer=None, alpha=1.0), "slower than the model"),
        (StackingRegressor([("near", KNeighborsRegressor())], Ridge()), "slower than the model"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_would_be_slower_is_left_out_by_name(model: Any, why: str) -> None:
    model.fit(FEATURES[:60], np.round(TRUTH[:60] / 100))
    graph, matrix = started()
    with pytest.raises(UntranslatableError, match=why):
        add_foreign_predictor(graph, matrix, model, "float64")


def test_the_reason_is_the_same_in_every_process() -> None:
    graph, matrix = started()
    with pytest.raises(UntranslatableError) as refused:
        add_foreign_transform(graph, matrix, Doubler(), "float64")
    assert refused.value.sentence.startswith("skl2onnx has no translation of Doubler (")
    assert not re.search("0x[0-9a-f]{4}", refused.value.sentence)
