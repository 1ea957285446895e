from __future__ import annotations

import csv
import json
import socket
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests

from serving.runtime.offline_predict import main as predict_offline
from tests.serving.served_models import EXAMPLES, RunningServer, ServedModels

pytestmark = pytest.mark.timeout(400)

GOOD_ROW: dict[str, Any] = {
    "seniority": 9,
    "home": "rent",
    "time": 60,
    "age": 30,
    "marital": "married",
    "records": "no",
    "job": "freelance",
    "expenses": 73,
    "income": 129,
    "assets": 0,
    "debt": 0,
    "amount": 800,
    "price": 846,
}


@pytest.fixture(scope="session")
def credit_risk(served: ServedModels) -> RunningServer:
    return served.server("credit-risk:v1")


def first_rows(file: Path, count: int) -> list[dict[str, Any]]:
    with file.open(newline="") as stream:
        return [row for row, _ in zip(csv.DictReader(stream), range(count), strict=False)]


def agrees(answered: Any, golden: Any) -> bool:
    """Tell whether they are equal; a compiled model's numbers may be off by a little."""
    if np.asarray(golden).dtype.kind == "f":
        return np.allclose(answered, golden, rtol=1e-5, atol=1e-5)
    return bool(answered == golden)


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("credit-risk:v1", {"predictions", "probabilities", "classes"}),
        ("house-prices:v1", {"predictions", "intervals"}),
        ("job-training:v1", {"predictions", "effects", "intervals", "average_effect"}),
    ],
)
def test_each_kind_answers_as_it_did_offline(
    served: ServedModels, tmp_path: Path, name: str, fields: set[str]
) -> None:
    out = tmp_path / "out.json"
    places = [str(served.artifact(name)), str(served.evaluation(name)), str(out)]
    assert predict_offline([*places, "--kind", EXAMPLES[name]]) == 0
    golden = json.loads(out.read_text())["golden"]
    answer = served.server(name).predict(golden["features"]).json()
    assert set(answer) == fields | {"model_name", "model_version"}
    assert {key for key in fields if not agrees(answer[key], golden["answer"][key])} == set()
    assert (answer["model_name"], answer["model_version"]) == (name.partition(":")[0], "7")


def test_a_row_as_a_list_and_as_an_object_gets_the_same_answer(credit_risk: RunningServer) -> None:
    as_list, as_object = list(GOOD_ROW.values()), GOOD_ROW
    answer = credit_risk.predict([as_list, as_object]).json()
    assert answer["predictions"][0] == answer["predictions"][1]
    assert answer["probabilities"][0] == answer["probabilities"][1]


@pytest.mark.parametrize(
    "features",
    [
        None,
        "rows",
        [],
        [[]],
        [[1, 2]],
        [[[[[[]]]]]],
        [GOOD_ROW | {"age": "old"}],
        [GOOD_ROW | {"age": None}],
        [GOOD_ROW | {"age": [30]}],
        [GOOD_ROW | {"income": float("nan")}],
        [GOOD_ROW | {"income": float("inf")}],
        [GOOD_ROW | {"height": 180}],
        [{"age": 30}],
        [GOOD_ROW, 7],
    ],
)
def test_bad_rows_are_the_callers_fault(credit_risk: RunningServer, features: object) -> None:
    # requests refuses to send NaN, which other clients do send.
    body = json.dumps({"input_data": {"features": features}})
    headers = {"Content-Type": "application/json"}
    url = f"{credit_risk.url}/predict"
    answer = requests.post(url, data=body, headers=headers, timeout=30)
    assert answer.status_code == 400, answer.text
    assert answer.json()["path"].startswith("input_data.features")


@pytest.mark.parametrize(
    ("body", "media_type", "status"),
    [
        (b'{"input_data": {"features": [[1', "application/json", 400),
        (b"", "application/json", 400),
        (b"\xff\xff", "application/json", 400),
        (b"[" * 100_000, "application/json", 400),
        (b"null", "application/json", 400),
        (b'{"features": [[1]]}', "application/json; charset=utf-8", 400),
        (b"{}", "text/plain", 415),
        (b"{}", "application/vnd.bentoml+pickle", 415),
        (b"age=30", "application/x-www-form-urlencoded", 415),
        (b" " * (1024 * 1024 + 1), "application/json", 413),
    ],
)
def test_bad_bodies_are_the_callers_fault(
    credit_risk: RunningServer, body: bytes, media_type: str, status: int
) -> None:
    headers = {"Content-Type": media_type}
    answer = requests.post(f"{credit_risk.url}/predict", data=body, headers=headers, timeout=30)
    assert answer.status_code == status
    assert answer.json()["error"]


def test_a_model_that_raises_is_not_the_callers_fault(served: ServedModels) -> None:
    server = served.server("credit-risk:v3")
    assert server.predict([GOOD_ROW]).status_code == 200
    failed = server.predict([GOOD_ROW | {"home": "parents"}])
    assert failed.status_code == 500
    assert "ValueError" in failed.json()["error"]
    assert server.predict([GOOD_ROW]).status_code == 200


def test_the_probes_say_who_answers(credit_risk: RunningServer) -> None:
    for path in ("/livez", "/readyz", "/healthz"):
        assert requests.get(f"{credit_risk.url}{path}", timeout=30).status_code == 200
    health = credit_risk.post("/health", {}).json()
    assert (health["status"], health["model_loaded"]) == ("healthy", True)
    info = credit_risk.post("/model_info", {}).json()
    assert info["features"] == list(GOOD_ROW)
    assert (info["model_type"], info["revision"]) == ("classification", "v7-test")


def test_counts_under_the_names_of_the_field(credit_risk: RunningServer) -> None:
    before = samples(credit_risk)
    assert credit_risk.predict([GOOD_ROW, GOOD_ROW]).ok
    assert credit_risk.predict([[1]]).status_code == 400
    after = samples(credit_risk)
    labels = 'model_name="credit-risk",model_version="7"'
    refused = f'model_prediction_errors_total{{error_type="bad_input",{labels}}}'
    for name, growth in {
        f"model_predictions_total{{{labels}}}": 2,
        f"model_prediction_latency_seconds_count{{{labels}}}": 1,
        refused: 1,
    }.items():
        assert after[name] - before.get(name, 0) == growth
    assert after[f"model_loaded{{{labels}}}"] == 1


def samples(server: RunningServer) -> dict[str, float]:
    text = requests.get(f"{server.url}/metrics", timeout=30).text
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def predictions_made(server: RunningServer) -> float:
    lines = requests.get(f"{server.url}/metrics", timeout=10).text.splitlines()
    made = [line for line in lines if line.startswith("model_predictions_total")]
    return sum(float(line.rpartition(" ")[2]) for line in made)


def test_callers_who_gave_up_cost_no_predictions(credit_risk: RunningServer) -> None:
    body = json.dumps({"input_data": {"features": [GOOD_ROW] * 400}}).encode()
    host, port = credit_risk.url.removeprefix("http://").split(":")
    head = (
        f"POST /predict HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode()
    credit_risk.predict([GOOD_ROW])
    before = predictions_made(credit_risk)
    callers = [socket.create_connection((host, int(port))) for _ in range(60)]
    for caller in callers:
        caller.sendall(head + body)
    for caller in callers:
        caller.close()
    assert credit_risk.predict([GOOD_ROW]).status_code == 200
    assert predictions_made(credit_risk) - before < 30 * 400  # rows; all 60 would be 24,000
