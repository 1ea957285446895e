"""KServe's own Python clients, REST and gRPC, against a server of ours."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest
import requests

from tests.serving.conformance.others import HERE, environment_or_skip
from tests.serving.served_models import RunningServer, ServedModels

pytestmark = [pytest.mark.peers, pytest.mark.timeout(400)]

MODEL = "credit-risk"
ROW = {
    **{"seniority": 9, "home": "rent", "time": 60, "age": 30, "marital": "married"},
    **{"records": "no", "job": "freelance", "expenses": 73, "income": 129, "assets": 0},
    **{"debt": 0, "amount": 800, "price": 846},
}


@pytest.fixture(scope="module")
def server(served: ServedModels) -> RunningServer:
    return served.server("credit-risk:v1")


@pytest.fixture(scope="module")
def said(server: RunningServer) -> Any:
    """What KServe's clients were answered, by protocol."""
    python = environment_or_skip("kserve-client", "kserve.txt") / "bin" / "python"
    inputs = requests.get(f"{server.url}/v2/models/{MODEL}", timeout=30).json()["inputs"]
    address = server.url.removeprefix("http://")
    done = subprocess.run(
        [str(python), str(HERE / "kserve_asks.py"), address, MODEL],
        input=json.dumps({"row": ROW, "inputs": inputs}),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("protocol", ["v1", "v2", "grpc"])
def test_hears_that_the_server_is_alive(said: Any, protocol: str) -> None:
    assert said[protocol]["live"] is True


@pytest.mark.parametrize("protocol", ["v2", "grpc"])
def test_hears_that_the_server_is_ready(said: Any, protocol: str) -> None:
    assert said[protocol]["ready"] is True


@pytest.mark.parametrize("protocol", ["v1", "v2", "grpc"])
def test_hears_that_the_model_is_ready(said: Any, protocol: str) -> None:
    assert said[protocol]["model ready"] is True


def test_hears_that_a_model_is_unknown(said: Any) -> None:
    assert said["v1"]["unknown model ready"]["refused"] == 404
    assert said["v2"]["unknown model ready"] is False
    assert said["grpc"]["unknown model ready"] is False


def test_v1_is_answered_as_predict_is(said: Any, server: RunningServer) -> None:
    assert said["v1"]["infer"] == server.predict([ROW]).json()


@pytest.mark.parametrize("protocol", ["v2", "grpc"])
@pytest.mark.parametrize("question", ["infer", "infer binary"])
def test_tensors_are_answered_as_predict_is(
    said: Any, server: RunningServer, protocol: str, question: str
) -> None:
    wanted = server.predict([ROW]).json()
    answer = said[protocol][question]
    assert answer.get("model") == MODEL, answer
    assert answer["id"] == "a-request"
    assert answer["outputs"]["predictions"] == wanted["predictions"]
    assert answer["outputs"]["probabilities"][0] == pytest.approx(wanted["probabilities"][0])


@pytest.mark.parametrize(
    ("protocol", "status"), [("v1", 400), ("v2", 400), ("grpc", "INVALID_ARGUMENT")]
)
def test_is_refused_with_a_sentence(said: Any, protocol: str, status: object) -> None:
    assert said[protocol]["bad"]["refused"] == status
    assert said[protocol]["bad"]["body"]
