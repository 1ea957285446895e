from __future__ import annotations

from typing import Any

import numpy as np
import orjson
import pytest

from serving.runtime.bad_input import BadInputError
from serving.runtime.protocols.open_inference import (
    OPEN_INFERENCE,
    model_ready,
    server_live,
    server_metadata,
    server_ready,
)
from serving.runtime.protocols.wire import UnsupportedMediaTypeError, WireAnswer, WireRequest
from tests.serving.runtime.protocols.tiny_models import answered, served

POINT = {"name": "input", "shape": [1, 3], "datatype": "FP64", "data": [1, 2, 3.5]}
RAW_POINT = np.array([1, 2, 3.5], dtype="<f4").tobytes()
PEOPLE = [
    {"name": "age", "shape": [2, 1], "datatype": "INT64", "data": [30, 31]},
    {"name": "income", "shape": [2], "datatype": "FP32", "data": [2.5, 3.5]},
    {"name": "home", "shape": [2], "datatype": "BYTES", "data": ["rent", "own"]},
    {"name": "married", "shape": [2, 1], "datatype": "BOOL", "data": [[True], [False]]},
]


def request(inputs: object, **more: Any) -> WireRequest:
    return WireRequest(orjson.dumps({"inputs": inputs, **more}), "application/json")


def binary(body: Any, tail: bytes) -> WireRequest:
    head = orjson.dumps(body)
    headers = {"inference-header-content-length": str(len(head))}
    return WireRequest(head + tail, "application/octet-stream", headers)


def raw_point(size: object = len(RAW_POINT), **more: Any) -> dict[str, Any]:
    parameters = {"binary_data_size": size}
    return {
        "name": "input",
        "shape": [1, 3],
        "datatype": "FP32",
        "parameters": parameters,
        **more,
    }


def test_reads_one_tensor_and_answers_with_tensors() -> None:
    answer = answered(OPEN_INFERENCE, request([POINT], id="42"), served("points"))
    assert (answer["id"], answer["model_name"], answer["model_version"]) == ("42", "points", "7")
    predictions, intervals = answer["outputs"]
    height = predictions["data"][0]
    assert predictions == {
        "name": "predictions",
        "shape": [1],
        "datatype": "FP64",
        "data": [height],
    }
    assert (intervals["shape"], intervals["data"]) == ([1, 2], [height - 1, height + 1])


def test_reads_a_tensor_for_each_column_and_answers_with_texts() -> None:
    assert OPEN_INFERENCE.read(request(PEOPLE), served("people")).rows.cells == [
        [30, 2.5, "rent", True],
        [31, 3.5, "own", False],
    ]
    predictions, probabilities = answered(OPEN_INFERENCE, request(PEOPLE), served("people"))[
        "outputs"
    ]
    assert (predictions["datatype"], predictions["shape"]) == ("BYTES", [2])
    assert set(predictions["data"]) <= {"good", "bad"}
    assert (probabilities["shape"], len(probabilities["data"])) == ([2, 2], 4)


def test_the_name_that_kserves_client_repeats_is_not_looked_at() -> None:
    answer = answered(OPEN_INFERENCE, request([POINT], model_name="whatever"), served("points"))
    assert answer["model_name"] == "points"


def test_an_answer_without_an_id_has_none() -> None:
    assert "id" not in answered(OPEN_INFERENCE, request([POINT]), served("points"))


def test_only_wanted_outputs_are_sent() -> None:
    wanted = request([POINT], outputs=[{"name": "intervals"}], parameters={"priority": 1})
    outputs = answered(OPEN_INFERENCE, wanted, served("points"))["outputs"]
    assert [output["name"] for output in outputs] == ["intervals"]


def test_reads_raw_inputs_one_after_the_other() -> None:
    age, income = np.array([30, 31]).tobytes(), np.array([2.5, 3.5], dtype="<f4").tobytes()
    inputs = [dict(tensor) for tensor in PEOPLE]
    for tensor, raw in zip(inputs[:2], (age, income), strict=True):
        del tensor["data"]
        tensor["parameters"] = {"binary_data_size": len(raw)}
    rows = OPEN_INFERENCE.read(binary({"inputs": inputs}, age + income), served("people")).rows
    assert rows.cells == [[30, 2.5, "rent", True], [31, 3.5, "own", False]]


def ask_raw(**more: Any) -> tuple[dict[str, Any], bytes, WireAnswer]:
    """Return the JSON of an answer, what comes after it, and the answer itself."""
    model = served("points")
    question = OPEN_INFERENCE.read(binary({"inputs": [raw_point()], **more}, RAW_POINT), model)
    answer = OPEN_INFERENCE.write(question, model.answer_now(question.rows), model)
    length = int(dict(answer.headers).get("Inference-Header-Content-Length", len(answer.body)))
    return orjson.loads(answer.body[:length]), answer.body[length:], answer


def test_answers_raw_when_all_outputs_are_wanted_so() -> None:
    head, tail, answer = ask_raw(parameters={"binary_data_output": True})
    assert answer.content_type == "application/octet-stream"
    assert [output["parameters"] for output in head["outputs"]] == [
        {"binary_data_size": 8},
        {"binary_data_size": 16},
    ]
    assert not any("data" in output for output in head["outputs"])
    height, low, high = np.frombuffer(tail).tolist()
    assert (low, high) == (height - 1, height + 1)


def test_answers_raw_only_what_is_wanted_so() -> None:
    outputs = [
        {"name": "predictions", "parameters": {"binary_data": True}},
        {"name": "intervals"},
    ]
    head, tail, _ = ask_raw(outputs=outputs)
    assert [set(output) - {"name", "shape", "datatype"} for output in head["outputs"]] == [
        {"parameters"},
        {"data"},
    ]
    assert len(tail) == 8


def test_answers_json_when_nothing_raw_is_wanted() -> None:
    _, tail, answer = ask_raw()
    assert (answer.content_type, answer.headers, tail) == ("application/json", (), b"")


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ([], 'the body must be an object such as {"inputs": ...}'),
        ({}, "inputs: this field is missing"),
        ({"inputs": [POINT], "input": 1}, "input: unknown field; send inputs"),
        ({"inputs": POINT}, "inputs: send a list of tensors"),
        ({"inputs": []}, "inputs: send at least one tensor"),
        ({"inputs": [[1, 2, 3]]}, "inputs[0]: inputs[0] must be an object such as"),
        ({"inputs": [POINT | {"dtype": 1}]}, "inputs[0].dtype: unknown field; send name, shape"),
        ({"inputs": [POINT | {"name": 3}]}, "inputs[0].name: send a text"),
        ({"inputs": [POINT | {"datatype": "FLOAT"}]}, "inputs[0].datatype: send one of BOOL"),
        ({"inputs": [POINT | {"shape": [3]}]}, "inputs[0].shape: send [rows, 3]"),
        ({"inputs": [POINT | {"shape": "1,3"}]}, "inputs[0].shape: send a list of whole"),
        ({"inputs": [POINT | {"data": 3}]}, "inputs[0].data: send a list of values, or"),
        ({"inputs": [POINT | {"data": [1, 2]}]}, "inputs[0].data: the shape [1, 3] needs 3"),
        ({"inputs": [POINT | {"data": [1, 2, "x"]}]}, "inputs[0].data[2]: FP64 is a number"),
        ({"inputs": [POINT | {"parameters": 3}]}, "inputs[0].parameters: send an object"),
        ({"inputs": [raw_point()]}, "inputs[0].parameters.binary_data_size: send the size of"),
        ({"inputs": [raw_point(-1)]}, "inputs[0].parameters.binary_data_size: send the size of"),
        ({"inputs": [raw_point(0)]}, "inputs[0]: the shape [1, 3] of FP32 needs 12 bytes, not 0"),
        ({"inputs": [raw_point(0, data=[1])]}, "inputs[0].data: send a list of values, or"),
        ({"inputs": [POINT], "id": 3}, "id: send a text"),
        ({"inputs": [POINT], "parameters": 3}, "parameters: send an object"),
        (
            {"inputs": [POINT], "parameters": {"binary_data_output": 1}},
            "parameters.binary_data_output: send true or false",
        ),
        ({"inputs": [POINT], "outputs": {}}, "outputs: send a list of outputs"),
        ({"inputs": [POINT], "outputs": [{}]}, "outputs[0].name: this field is missing"),
        ({"inputs": [POINT], "outputs": [{"name": 1}]}, "outputs[0].name: send a text"),
        (
            {"inputs": [POINT], "outputs": [{"name": "x", "parameters": {"binary_data": 3}}]},
            "outputs[0].parameters.binary_data: send true or false",
        ),
    ],
)
def test_says_what_is_wrong_and_where(body: object, sentence: str) -> None:
    with pytest.raises(BadInputError) as refused:
        OPEN_INFERENCE.read(WireRequest(orjson.dumps(body)), served("points"))
    assert str(refused.value).startswith(sentence)


def test_raw_bytes_must_be_used_up() -> None:
    with pytest.raises(BadInputError, match="inputs: 2 raw bytes are left over"):
        OPEN_INFERENCE.read(binary({"inputs": [raw_point()]}, RAW_POINT + b"xx"), served("points"))


@pytest.mark.parametrize("length", ["", "0", "-1", "x", "1e2", "²", "99999", "9" * 30])
def test_the_length_of_the_json_must_be_right(length: str) -> None:
    headers = {"inference-header-content-length": length}
    sent = WireRequest(orjson.dumps({"inputs": [POINT]}), "", headers)
    with pytest.raises(BadInputError, match="send the JSON's length in bytes"):
        OPEN_INFERENCE.read(sent, served("points"))


def test_another_type_of_body_is_refused() -> None:
    with pytest.raises(UnsupportedMediaTypeError, match="application/json or application/octet"):
        OPEN_INFERENCE.read(WireRequest(b"{}", "text/csv"), served("points"))


def test_an_error_is_one_sentence() -> None:
    assert OPEN_INFERENCE.refuse(404, "no such model").body == b'{"error":"no such model"}'
    assert OPEN_INFERENCE.refuse(400, "send 3", "a").body == b'{"error":"a: send 3"}'


def test_tells_the_state_of_the_server_and_of_a_model() -> None:
    assert server_live() == {"live": True}
    assert server_ready(ready=False) == {"ready": False}
    assert model_ready(served("points"), ready=True) == {"name": "points", "ready": True}
    assert server_metadata("1.2") == {
        "name": "tiffin",
        "version": "1.2",
        "extensions": ["binary_tensor_data"],
    }
