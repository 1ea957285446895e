"""The compiled engine by itself; `tests/serving/conversion` compares it with the native one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression

from serving.conversion.conversion import convert
from serving.runtime.engines.onnx import OnnxEngine
from serving.runtime.identity import ModelKind
from serving.runtime.rows import Rows
from tests.serving.conversion.zoo import diabetes, flowers, loaded


@pytest.fixture(scope="module")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> OnnxEngine:
    folder = tmp_path_factory.mktemp("classifier")
    features, truth = flowers()
    model = loaded(LogisticRegression(max_iter=1000).fit(features, truth), features)
    convert(model, ModelKind.CLASSIFICATION, features.tolist(), 1e-5, folder)
    return OnnxEngine(folder)


@pytest.fixture(scope="module")
def regressor(tmp_path_factory: pytest.TempPathFactory) -> OnnxEngine:
    folder = tmp_path_factory.mktemp("regressor")
    features, truth = diabetes()
    model = loaded(LinearRegression().fit(features, truth), features)
    convert(model, ModelKind.REGRESSION, features.tolist(), 1e-5, folder)
    return OnnxEngine(folder)


def test_answers_with_labels_and_probabilities(classifier: OnnxEngine) -> None:
    outputs = classifier.outputs(Rows(cells=[[5.1, 3.5, 1.4, 0.2], [6.3, 3.3, 6.0, 2.5]]))
    assert outputs["predictions"].tolist() == ["setosa", "virginica"]
    assert outputs["probabilities"].shape == (2, 3)
    np.testing.assert_allclose(outputs["probabilities"].sum(axis=1), 1.0)
    assert classifier.classes == ["setosa", "versicolor", "virginica"]
    assert tuple(outputs) == classifier.output_names == ("predictions", "probabilities")


def test_a_regressor_has_no_classes_and_a_number_for_each_row(regressor: OnnxEngine) -> None:
    features, _ = diabetes()
    outputs = regressor.outputs(Rows(matrix=features[:3]))
    assert regressor.classes is None
    assert tuple(outputs) == regressor.output_names == ("predictions",)
    assert outputs["predictions"].shape == (3,)
    assert outputs["predictions"].dtype == np.float64


def test_cells_and_a_matrix_get_the_same_answer(regressor: OnnxEngine) -> None:
    features, _ = diabetes()
    one = regressor.outputs(Rows(matrix=features))["predictions"]
    other = regressor.outputs(Rows(cells=features.tolist()))["predictions"]
    np.testing.assert_array_equal(one, other)


def test_threads_are_one_unless_more_are_asked_for(regressor: OnnxEngine, tmp_path: Path) -> None:
    features, truth = diabetes()
    model = loaded(LinearRegression().fit(features, truth), features)
    convert(model, ModelKind.REGRESSION, features.tolist(), 1e-5, tmp_path)
    engines = [regressor, OnnxEngine(tmp_path, threads=2)]
    options = [engine._session.get_session_options() for engine in engines]
    assert [each.intra_op_num_threads for each in options] == [1, 2]
    for each in options:
        assert each.get_session_config_entry("session.intra_op.allow_spinning") == "0"


def test_says_what_it_is_called(regressor: OnnxEngine) -> None:
    assert regressor.name == "onnxruntime"
