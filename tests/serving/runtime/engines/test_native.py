from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from xgboost import XGBClassifier

from serving.runtime.columns import NUMBER, Column
from serving.runtime.engines.native import NativeEngine
from serving.runtime.identity import ModelKind
from serving.runtime.model_files import LoadedModel
from serving.runtime.rows import Rows
from serving.runtime.signature import InputSignature

NUMBERS = InputSignature((Column("x0", NUMBER), Column("x1", NUMBER)), named=False)
ROWS = Rows(cells=[[1.0, 0.0], [2.0, 0.0], [3.0, 1.0]])


class Echo:
    """Answers each row with its own first number."""

    def predict(self, table: np.ndarray) -> Any:
        return table[:, 0]


class EchoWithInterval(Echo):
    def predict_interval(self, table: np.ndarray) -> np.ndarray:
        return np.asfortranarray(np.column_stack([table[:, 0] - 1, table[:, 0] + 1]))


class Named(Echo):
    """A classifier without probabilities, whose labels are texts of numpy's own kind."""

    classes_ = np.array(["bad", "good"])

    def predict(self, table: np.ndarray) -> Any:
        return self.classes_[(table[:, 0] > 1.5).astype(int)]


def engine_of(estimator: Any, kind: ModelKind) -> NativeEngine:
    return NativeEngine(LoadedModel(estimator, NUMBERS), kind)


@pytest.mark.parametrize("kind", [ModelKind.REGRESSION, ModelKind.CAUSAL])
def test_a_number_model_answers_with_numbers_and_intervals(kind: ModelKind) -> None:
    engine = engine_of(EchoWithInterval(), kind)
    outputs = engine.outputs(ROWS)
    assert tuple(outputs) == engine.output_names
    assert outputs["predictions"].tolist() == [1.0, 2.0, 3.0]
    assert outputs["intervals"].tolist() == [[0.0, 2.0], [1.0, 3.0], [2.0, 4.0]]
    assert all(values.flags.c_contiguous for values in outputs.values())


def test_a_model_without_intervals_has_none() -> None:
    engine = engine_of(Echo(), ModelKind.REGRESSION)
    assert tuple(engine.outputs(ROWS)) == engine.output_names == ("predictions",)


def test_labels_are_texts_that_python_knows() -> None:
    engine = engine_of(Named(), ModelKind.CLASSIFICATION)
    outputs = engine.outputs(ROWS)
    assert engine.classes == ["bad", "good"]
    assert tuple(outputs) == engine.output_names == ("predictions",)
    assert outputs["predictions"].tolist() == ["bad", "good", "good"]
    assert outputs["predictions"].dtype == object


def test_probabilities_of_xgboost_lie_row_by_row() -> None:
    classifier = XGBClassifier(n_estimators=3).fit(ROWS.matrix, [0, 0, 1])
    assert not classifier.predict_proba(ROWS.matrix).flags.c_contiguous
    engine = engine_of(classifier, ModelKind.CLASSIFICATION)
    outputs = engine.outputs(ROWS)
    assert tuple(outputs) == engine.output_names == ("predictions", "probabilities")
    assert outputs["probabilities"].flags.c_contiguous
    assert outputs["probabilities"].dtype == np.float64
    assert outputs["probabilities"].shape == (3, 2)


def test_whatever_the_model_raises_passes_through() -> None:
    class Broken:
        def predict(self, table: np.ndarray) -> Any:
            raise KeyError("home")

    with pytest.raises(KeyError, match="home"):
        engine_of(Broken(), ModelKind.REGRESSION).outputs(ROWS)
