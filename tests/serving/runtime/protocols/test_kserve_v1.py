from __future__ import annotations

import orjson
import pytest

from serving.runtime.bad_input import BadInputError
from serving.runtime.protocols.kserve_v1 import KSERVE_V1, model_list, model_state
from serving.runtime.protocols.wire import WireRequest
from tests.serving.runtime.protocols.tiny_models import PERSON, answered, served

LIST = list(PERSON.values())


def request(body: object) -> WireRequest:
    return WireRequest(orjson.dumps(body), "application/json")


@pytest.mark.parametrize(
    "body",
    [
        {"instances": [LIST, LIST]},
        {"instances": [PERSON, LIST]},
        {"instances": [PERSON, PERSON], "signature_name": "serving_default"},
        {"inputs": [LIST, PERSON]},
        {"inputs": {name: [value, value] for name, value in PERSON.items()}},
    ],
)
def test_reads_rows_by_instance_and_by_column(body: object) -> None:
    assert KSERVE_V1.read(request(body), served("people")).rows.cells == [LIST, LIST]


def test_answers_the_predictions_and_the_fields_of_predict_beside_them() -> None:
    answer = answered(KSERVE_V1, request({"instances": [LIST]}), served("people"))
    assert answer["predictions"] == ["good"] or answer["predictions"] == ["bad"]
    assert set(answer) > {"predictions", "probabilities", "model_name", "model_version"}


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ([LIST], 'the body must be an object such as {"instances": ...}'),
        ({}, "instances: this field is missing"),
        ({"instance": [LIST]}, "instance: unknown field; send instances"),
        ({"instances": [LIST], "inputs": [LIST]}, "inputs: unknown field; send instances"),
        ({"instances": []}, "instances: send at least one row"),
        ({"instances": LIST}, "instances[0]: send a row as a list or an object, not 30"),
        ({"instances": [LIST[:3]]}, "instances[0]: a row has 4 values"),
        ({"inputs": {"age": 3}}, "inputs.age: send a list, one value for each row"),
        ({"inputs": {"age": [3]}}, "inputs.income: this column is missing"),
        ({"inputs": {name: [] for name in PERSON}}, "inputs: send at least one row"),
        ({"inputs": 3}, "inputs: send a list of rows, not 3"),
        (
            {"inputs": {**{name: [value] for name, value in PERSON.items()}, "home": ["a", "b"]}},
            "inputs.home: send 1 values, as age has, not 2",
        ),
    ],
)
def test_says_what_is_wrong_and_where(body: object, sentence: str) -> None:
    with pytest.raises(BadInputError) as refused:
        KSERVE_V1.read(request(body), served("people"))
    assert str(refused.value).startswith(sentence)


def test_an_error_is_one_sentence() -> None:
    assert KSERVE_V1.refuse(404, "no such model").body == b'{"error":"no such model"}'
    assert KSERVE_V1.refuse(400, "send 3", "a").body == b'{"error":"a: send 3"}'


def test_lists_each_model_once() -> None:
    models = [served("people"), served("points"), served("people")]
    assert model_list(models) == {"models": ["people", "points"]}


def test_tells_the_state_of_a_model() -> None:
    assert model_state(served("people"), ready=False) == {
        "name": "people",
        "version": "7",
        "platform": "mlflow",
        "ready": False,
    }
