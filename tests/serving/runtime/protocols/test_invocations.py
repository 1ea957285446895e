from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from importlib.metadata import version as version_of
from typing import Any

import orjson
import pytest

from serving.runtime.bad_input import BadInputError
from serving.runtime.protocols.invocations import INVOCATIONS, MLFLOW_VERSION, ping, version
from serving.runtime.protocols.wire import WireRequest, status_of
from tests.serving.runtime.protocols.tiny_models import PERSON, served

pytestmark = pytest.mark.timeout(300)

NAMES, VALUES = list(PERSON), list(PERSON.values())
SPLIT = {"columns": NAMES, "data": [VALUES]}
COLUMNS = {name: [value, value] for name, value in PERSON.items()}
CSV = "age,income,home,married\n30,2.5,rent,True\n"

ALIKE: list[tuple[str, Any]] = [
    ("people", {"dataframe_split": SPLIT}),
    ("people", {"dataframe_split": SPLIT | {"index": [3]}}),
    ("people", {"dataframe_split": {"columns": NAMES[::-1], "data": [VALUES[::-1]]}}),
    ("people", {"dataframe_split": {"columns": ["x", *NAMES], "data": [[0, *VALUES]] * 2}}),
    ("people", {"dataframe_records": [PERSON, dict(reversed(PERSON.items()))]}),
    ("people", {"dataframe_records": [PERSON | {"extra": [1]}, PERSON]}),
    ("people", {"dataframe_records": [PERSON | {"income": 3}]}),
    ("people", {"instances": [PERSON, PERSON]}),
    ("people", {"instances": [PERSON | {"extra": 1}]}),
    ("people", {"instances": COLUMNS}),
    ("people", {"instances": PERSON}),
    ("people", {"inputs": COLUMNS}),
    ("people", {"inputs": COLUMNS | {"extra": [1, 2]}}),
    ("people", {"inputs": PERSON}),
    ("people", {"inputs": [PERSON]}),
    ("people", {"inputs": [PERSON], "params": {"a": 1}, "other": 1}),
    ("people", CSV),
    ("people", "income,z,age,married,home\n2.5,9,30,False,rent\n3.5,9,40,true,own\n"),
    ("people", '\r\nage,income,home,married\r\n30,1e3,"rent",FALSE\r\n\r\n'),
    ("people", ",age,income,home,married\n0,30,2.5,rent,1\n"),
    ("points", {"inputs": [[1, 2, 3]]}),
    ("points", {"instances": [[1, 2, 3], [4, 5, 6.5]]}),
    ("points", {"dataframe_split": {"data": [[1, 2, 3]]}}),
    ("points", {"dataframe_split": {"columns": ["a", "b", "c"], "data": [[1, 2, 0.1]]}}),
    ("points", {"dataframe_records": [{"a": 1, "b": 2, "c": 3}, {"c": 4, "b": 5, "a": 6}]}),
    ("points", {"dataframe_records": [[1, 2, 3]]}),
    ("one", {"inputs": [1, 2]}),
    ("one", {"instances": [1, 2.5]}),
    ("one", {"inputs": {"a": [1, 2]}}),
    ("one", {"inputs": {"a": 1}}),
]
"""Answered by both, with the same predictions."""

REFUSED: list[tuple[str, Any]] = [
    ("people", []),
    ("people", {}),
    ("people", 3),
    ("people", [PERSON]),
    ("people", {"inputs": [PERSON], "instances": [PERSON]}),
    ("people", {"inputs": None}),
    ("people", {"inputs": 5}),
    ("people", {"instances": []}),
    ("people", {"instances": {"age": [30]}}),
    ("people", {"inputs": COLUMNS | {"age": [30]}}),
    ("people", {"inputs": {name: [[value]] for name, value in PERSON.items()}}),
    ("people", {"dataframe_split": [1]}),
    ("people", {"dataframe_split": SPLIT | {"z": 1}}),
    ("people", {"dataframe_split": {"columns": NAMES, "data": []}}),
    ("people", {"dataframe_split": {"columns": NAMES[:3], "data": [VALUES[:3]]}}),
    ("people", {"dataframe_split": {"columns": NAMES[:3], "data": [VALUES]}}),
    ("people", {"dataframe_records": PERSON}),
    ("people", {"dataframe_records": []}),
    ("people", {"dataframe_records": [{"age": 3}]}),
    ("people", {"dataframe_records": [PERSON | {"age": None}]}),
    ("people", {"dataframe_records": [PERSON | {"income": None}]}),
    ("people", {"dataframe_records": [PERSON | {"home": None}]}),
    ("people", {"dataframe_records": [PERSON | {"home": 3}]}),
    ("people", b"nonsense"),
    ("people", "age,income,home,married\n"),
    ("people", "age,income,home\n30,2.5,rent\n"),
    ("people", "age,income,home,married\n30,2.5,rent,True,5\n"),
    ("people", "age,income,home,married\n30.5,2.5,rent,True\n"),
    ("people", "age,income,home,married\n30,inf,rent,True\n"),
    ("points", {"inputs": [1, 2, 3]}),
    ("points", {"inputs": [[1, 2]]}),
    ("points", {"inputs": [[[1, 2, 3]]]}),
    ("points", {"inputs": {"a": [[1, 2, 3]]}}),
    ("points", {"inputs": [[1, 2, None]]}),
    ("points", {"inputs": []}),
]
"""Refused by both with 400."""

STRICTER: list[tuple[str, Any]] = [
    ("people", {"dataframe_records": [PERSON | {"age": 30.5}]}),
    ("people", {"dataframe_records": [PERSON | {"age": "30"}]}),
    ("people", {"dataframe_records": [PERSON | {"married": 1}]}),
    ("people", {"dataframe_split": SPLIT | {"index": [3, 4]}}),
    ("points", {"inputs": [["1", "2", "3"]]}),
    ("points", {"inputs": [[1, 2, True]]}),
]
"""Answered by MLflow after it has changed what was sent; refused here."""

KINDER: list[tuple[str, Any]] = [
    ("people", {"dataframe_split": {"data": [VALUES]}}),
    ("people", {"dataframe_records": [VALUES]}),
    ("people", {"inputs": [VALUES]}),
    ("people", {"instances": [PERSON, PERSON | {"extra": 1}]}),
    ("points", {"instances": [{"a": 1, "b": 2, "c": 3}]}),
    ("points", "a,b,c\n1,2,3\n"),
    ("one", {"inputs": [[1], [2]]}),
]
"""Refused by MLflow, read here: it is clear what is meant."""

TYPES = [
    "text/csv; charset=latin-1",
    "text/csv; header=present",
    "application/json; format=pandas-split",
    "text/plain",
    "application/octet-stream",
]


def asked(model: str, body: Any, content_type: str | None = None) -> dict[str, str]:
    if isinstance(body, str):
        return {"model": model, "body": body, "content_type": content_type or "text/csv"}
    text = body.decode() if isinstance(body, bytes) else json.dumps(body)
    return {"model": model, "body": text, "content_type": content_type or "application/json"}


TYPED = [asked("people", CSV, content_type) for content_type in TYPES]


@pytest.fixture(scope="module")
def mlflow_answers(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Any]:
    """What MLflow's own server answers to everything above."""
    folder = tmp_path_factory.mktemp("mlflow")
    bodies = [asked(*each) for each in (*ALIKE, *REFUSED, *STRICTER, *KINDER)] + TYPED
    (folder / "asked.json").write_text(json.dumps(bodies))
    module = "tests.serving.runtime.protocols.mlflow_peer"
    command = [sys.executable, "-m", module, str(folder)]
    quiet = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"}
    subprocess.run(command, check=True, capture_output=True, timeout=200, env=quiet)
    answers = json.loads((folder / "answers.json").read_text())
    return {key(body): answer for body, answer in zip(bodies, answers, strict=True)}


def key(sent: Mapping[str, str]) -> str:
    return json.dumps(sent, sort_keys=True)


def ours(sent: Mapping[str, str]) -> dict[str, Any]:
    """Answer as a server does, in the shape of `mlflow_answers`."""
    model = served(sent["model"])
    try:
        question = INVOCATIONS.read(WireRequest(sent["body"].encode(), sent["content_type"]), model)
        answer = INVOCATIONS.write(question, model.answer_now(question.rows), model)
    except BadInputError as refused:
        answer = INVOCATIONS.refuse(status_of(refused), refused.sentence, refused.path)
    kind = answer.content_type.partition(";")[0]
    body = orjson.loads(answer.body) if kind == "application/json" else answer.body.decode()
    return {"status": answer.status, "content_type": kind, "body": body}


@pytest.mark.parametrize(("model", "body"), ALIKE)
def test_answers_exactly_as_mlflow_does(
    mlflow_answers: Mapping[str, Any], model: str, body: Any
) -> None:
    sent = asked(model, body)
    assert mlflow_answers[key(sent)]["status"] == 200
    assert ours(sent) == mlflow_answers[key(sent)]


@pytest.mark.parametrize(("model", "body"), REFUSED)
def test_refuses_in_the_shape_of_mlflows_errors(
    mlflow_answers: Mapping[str, Any], model: str, body: Any
) -> None:
    sent = asked(model, body)
    theirs, mine = mlflow_answers[key(sent)], ours(sent)
    assert mine["status"] == theirs["status"] == 400
    assert mine["body"]["error_code"] == "BAD_REQUEST"
    assert set(mine["body"]) == {"error_code", "message"} <= set(theirs["body"])


@pytest.mark.parametrize(("model", "body"), STRICTER)
def test_refuses_what_mlflow_would_change(
    mlflow_answers: Mapping[str, Any], model: str, body: Any
) -> None:
    sent = asked(model, body)
    assert mlflow_answers[key(sent)]["status"] == 200
    assert ours(sent)["status"] == 400


@pytest.mark.parametrize(("model", "body"), KINDER)
def test_reads_what_is_clearly_meant(
    mlflow_answers: Mapping[str, Any], model: str, body: Any
) -> None:
    sent = asked(model, body)
    assert mlflow_answers[key(sent)]["status"] == 400
    assert ours(sent)["status"] == 200


@pytest.mark.parametrize("sent", TYPED, ids=TYPES)
def test_other_types_of_body_are_415_in_plain_text(
    mlflow_answers: Mapping[str, Any], sent: Mapping[str, str]
) -> None:
    theirs, mine = mlflow_answers[key(sent)], ours(sent)
    assert (mine["status"], mine["content_type"]) == (415, "text/plain")
    assert (theirs["status"], theirs["content_type"]) == (415, "text/plain")


@pytest.mark.parametrize("content_type", ["", "APPLICATION/JSON", "application/json;"])
def test_a_body_without_a_type_is_json(content_type: str) -> None:
    sent = {"model": "one", "body": '{"inputs": [1]}', "content_type": content_type}
    assert ours(sent)["status"] == 200


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({}, "send an object with exactly one of dataframe_split, dataframe_records, instances"),
        ({"dataframe_split": {}}, "dataframe_split.data: this field is missing"),
        (
            {"dataframe_split": {"columns": [*NAMES[:3], "x"], "data": [VALUES]}},
            "dataframe_split.data[0].x: unknown column",
        ),
        (
            {"dataframe_split": {"columns": NAMES[::-1], "data": [["x", *VALUES[2::-1]]]}},
            "dataframe_split.data[0].married: send true or false, not the text 'x'",
        ),
        ({"dataframe_split": SPLIT | {"columns": "age"}}, "dataframe_split.columns: send a list"),
        ({"dataframe_records": [PERSON | {"age": "3"}]}, "dataframe_records[0].age: send a whole"),
        ({"inputs": PERSON | {"age": [3]}}, "inputs.income: send a list, one value for each row"),
        ({"instances": [PERSON, 3]}, "instances[1]: send a row as a list or an object, not 3"),
    ],
)
def test_says_what_is_wrong_and_where(body: object, sentence: str) -> None:
    with pytest.raises(BadInputError) as refused:
        INVOCATIONS.read(WireRequest(orjson.dumps(body)), served("people"))
    assert str(refused.value).startswith(sentence)


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (404, "NOT_FOUND"),
        (413, "BAD_REQUEST"),
        (429, "REQUEST_LIMIT_EXCEEDED"),
        (500, "INTERNAL_ERROR"),
        (503, "TEMPORARILY_UNAVAILABLE"),
    ],
)
def test_each_status_has_mlflows_code(status: int, code: str) -> None:
    refusal = INVOCATIONS.refuse(status, "no")
    assert refusal.status == status
    assert orjson.loads(refusal.body) == {"error_code": code, "message": "no"}


def test_is_as_alive_as_mlflow_and_of_its_version() -> None:
    assert (ping().status, ping().body) == (200, b"\n")
    assert version().body.decode() == MLFLOW_VERSION == version_of("mlflow")
