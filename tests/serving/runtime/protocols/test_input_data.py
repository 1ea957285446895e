from __future__ import annotations

from typing import Any

import orjson
import pytest

from serving.runtime.bad_input import BadInputError
from serving.runtime.protocols.input_data import INPUT_DATA
from serving.runtime.protocols.wire import UnsupportedMediaTypeError, WireRequest
from tests.serving.runtime.protocols.tiny_models import PERSON, answered, served


def request(body: object) -> WireRequest:
    return WireRequest(orjson.dumps(body), "application/json")


def features(given: object, **more: Any) -> WireRequest:
    return request({"input_data": {"features": given, **more}})


@pytest.mark.parametrize(
    ("name", "row", "fields"),
    [
        ("people", PERSON, {"predictions", "probabilities", "classes"}),
        ("points", [1, 2, 3], {"predictions", "intervals"}),
        ("effects", [1, 2, 3], {"predictions", "effects", "average_effect", "intervals"}),
        ("one", [1.5], {"predictions"}),
    ],
)
def test_each_kind_answers_its_fields(name: str, row: Any, fields: set[str]) -> None:
    answer = answered(INPUT_DATA, features([row, row]), served(name))
    assert set(answer) == fields | {"model_name", "model_version"}
    assert (answer["model_name"], answer["model_version"]) == (name, "7")
    assert all(len(answer[field]) == 2 for field in fields - {"average_effect"})


def test_answers_what_the_estimator_says() -> None:
    answer = answered(INPUT_DATA, features([PERSON]), served("people"))
    assert answer["classes"] == ["bad", "good"]
    assert answer["predictions"][0] in answer["classes"]
    assert sum(answer["probabilities"][0]) == pytest.approx(1)


def test_the_average_effect_is_the_mean_of_the_effects() -> None:
    answer = answered(INPUT_DATA, features([[1, 2, 3], [4, 5, 9]]), served("effects"))
    assert answer["effects"] == answer["predictions"]
    assert answer["average_effect"] == pytest.approx(sum(answer["effects"]) / 2)


@pytest.mark.parametrize(
    "body",
    [
        {"input_data": {"features": [list(PERSON.values())]}},
        {"input_data": {"features": [PERSON]}},
        {"input_data": {"features": [PERSON], "model_type": "classification"}},
        {"input_data": {"features": list(PERSON.values())}},
        {"input_data": {"features": PERSON}},
        PERSON,
        dict(reversed(PERSON.items())),
    ],
)
def test_one_row_in_any_dress_is_the_same_row(body: object) -> None:
    rows = INPUT_DATA.read(request(body), served("people")).rows
    assert rows.cells == [list(PERSON.values())]


def test_a_flat_list_is_one_row_even_for_a_model_of_one_column() -> None:
    assert INPUT_DATA.read(features([4]), served("one")).rows.cells == [[4]]
    with pytest.raises(BadInputError, match="a row has 1 values"):
        INPUT_DATA.read(features([4, 5]), served("one"))


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (3, 'the body must be an object such as {"input_data": ...}'),
        ([PERSON], 'the body must be an object such as {"input_data": ...}'),
        ({}, "input_data: this field is missing"),
        ({"features": [[1]]}, "features: unknown field; send input_data"),
        (
            {"input_data": [[1]]},
            'input_data: input_data must be an object such as {"features": ...',
        ),
        ({"input_data": {}}, "input_data.features: this field is missing"),
        ({"input_data": {"feature": 1}}, "input_data.feature: unknown field; send features"),
        (
            {"input_data": {"features": [PERSON], "model_type": "causal"}},
            "input_data.model_type: this service answers classification",
        ),
        ({"input_data": {"features": []}}, "input_data.features: send at least one row"),
        ({"input_data": {"features": 3}}, "input_data.features: send a list of rows, not 3"),
        ({"input_data": {"features": [PERSON, 7]}}, "input_data.features[1]: send a row as"),
        ({"input_data": {"features": [7, PERSON]}}, "input_data.features[0]: send a row as"),
        (
            {"input_data": {"features": [PERSON | {"age": 3.5}]}},
            "input_data.features[0].age: send a whole number, not 3.5",
        ),
        (
            {"input_data": {"features": ["x", 2.5, "rent", True]}},
            "input_data.features[0] (age): send a whole number, not the text 'x'",
        ),
        (
            {"input_data": {"features": [30, 2.5, "rent"]}},
            "input_data.features: a row has 4 values (age, income, home, married), not 3",
        ),
        (
            {"input_data": {"features": PERSON | {"age": None}}},
            "input_data.features.age: send a whole number, not null",
        ),
        (PERSON | {"age": "old"}, "age: send a whole number, not the text 'old'"),
        (PERSON | {"agee": 3}, "agee: unknown column; did you mean age?"),
        ({"age": 30}, "income: this column is missing"),
    ],
)
def test_says_what_is_wrong_and_where(body: object, sentence: str) -> None:
    with pytest.raises(BadInputError) as refused:
        INPUT_DATA.read(request(body), served("people"))
    assert str(refused.value).startswith(sentence)


def test_not_a_number_is_refused_with_its_path() -> None:
    body = b'{"input_data": {"features": [[30, NaN, "rent", true]]}}'
    with pytest.raises(BadInputError) as refused:
        INPUT_DATA.read(WireRequest(body), served("people"))
    assert refused.value.path == "input_data.features[0][1] (income)"


def test_another_type_of_body_is_refused() -> None:
    with pytest.raises(UnsupportedMediaTypeError):
        INPUT_DATA.read(WireRequest(b"{}", "text/plain"), served("people"))


def test_an_error_has_a_sentence_and_a_path() -> None:
    refusal = INPUT_DATA.refuse(400, "send 3", "a.b")
    assert refusal.status == 400
    assert orjson.loads(refusal.body) == {"error": "a.b: send 3", "path": "a.b"}
