from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from serving.runtime.bad_input import BadInputError
from serving.runtime.model_files import LoadedModel
from serving.runtime.signature import read_signature
from serving.runtime.tabular import ModelAnswerError, ModelKind, answer_request, predict_rows

TENSOR = json.dumps([{"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": [-1, 1]}}])


class Echo:
    """Answers each row with its own number, unless told otherwise."""

    def __init__(self, answer: Any = None) -> None:
        self.answer = answer

    def predict(self, table: np.ndarray) -> Any:
        return table[:, 0] if self.answer is None else self.answer

    def predict_interval(self, table: np.ndarray) -> np.ndarray:
        return np.column_stack([table[:, 0] - 1, table[:, 0] + 1])


def model_of(estimator: Any) -> LoadedModel:
    return LoadedModel(estimator, read_signature(TENSOR), ())


def test_a_regression_answers_with_intervals() -> None:
    answer = predict_rows(model_of(Echo()), ModelKind.REGRESSION, [[1.0], [2.0]])
    assert answer == {"predictions": [1.0, 2.0], "intervals": [[0.0, 2.0], [1.0, 3.0]]}


def test_a_causal_model_answers_with_effects_and_their_average() -> None:
    answer = predict_rows(model_of(Echo()), ModelKind.CAUSAL, [[1.0], [2.0]])
    assert answer["effects"] == answer["predictions"] == [1.0, 2.0]
    assert answer["average_effect"] == 1.5
    assert answer["intervals"] == [[0.0, 2.0], [1.0, 3.0]]


@pytest.mark.parametrize("answer", [np.array([np.nan]), np.array([np.inf]), np.array([])])
def test_an_answer_that_can_not_be_sent_is_the_models_fault(answer: np.ndarray) -> None:
    with pytest.raises(ModelAnswerError):
        predict_rows(model_of(Echo(answer)), ModelKind.REGRESSION, [[1.0]])


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (3, 'the body: the body must be an object such as {"input_data": ...}'),
        ([], 'the body: the body must be an object such as {"input_data": ...}'),
        ({}, "input_data: this field is missing"),
        ({"features": [[1]]}, "features: unknown field; send 'input_data'"),
        ({"input_data": [[1]]}, 'input_data must be an object such as {"features": ...}'),
        ({"input_data": {}}, "input_data.features: this field is missing"),
        ({"input_data": {"feature": 1}}, "input_data.feature: unknown field; send 'features'"),
        (
            {"input_data": {"features": [[1]], "model_type": "causal"}},
            "input_data.model_type: this service answers regression",
        ),
        ({"input_data": {"features": [["x"]]}}, "input_data.features[0][0] (x0)"),
    ],
)
def test_says_what_is_wrong_with_a_body(body: object, sentence: str) -> None:
    with pytest.raises(BadInputError) as refused:
        answer_request(model_of(Echo()), ModelKind.REGRESSION, body)
    assert sentence.removeprefix("the body: ") in str(refused.value)


def test_the_model_type_may_be_said() -> None:
    body = {"input_data": {"features": [[4]], "model_type": "regression"}}
    assert answer_request(model_of(Echo()), ModelKind.REGRESSION, body)["predictions"] == [4.0]
