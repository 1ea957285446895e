"""Triton's own HTTP client, with and without the binary extension, against `OPEN_INFERENCE`."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import numpy as np
import pytest
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException

from serving.runtime.bad_input import BadInputError
from serving.runtime.protocols.model_metadata import model_metadata
from serving.runtime.protocols.open_inference import OPEN_INFERENCE, model_ready, server_metadata
from serving.runtime.protocols.wire import WireAnswer, WireRequest, json_answer, status_of
from tests.serving.runtime.protocols.tiny_models import PERSON, served

pytestmark = pytest.mark.timeout(60)

CELLS = {
    "age": np.array([[30], [40]]),
    "income": np.array([[2.5], [3.5]]),
    "home": np.array([["rent"], ["own"]], dtype=object),
    "married": np.array([[True], [False]]),
}
KINDS = {"age": "INT64", "income": "FP64", "home": "BYTES", "married": "BOOL"}


class Server(BaseHTTPRequestHandler):
    """Just enough of HTTP to carry the protocol."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        model = served("people")
        answers = {
            "/v2": server_metadata("1.2"),
            "/v2/models/people": model_metadata(model, [model]),
            "/v2/models/people/ready": model_ready(model, ready=True),
        }
        self.give(json_answer(200, answers[self.path.rstrip("/")]))

    def do_POST(self) -> None:
        model = served(self.path.split("/")[3])
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers["content-length"]))
        request = WireRequest(body, headers.get("content-type", ""), headers)
        try:
            question = OPEN_INFERENCE.read(request, model)
            outputs = model.answer_now(question.rows)
            self.give(OPEN_INFERENCE.write(question, outputs, model))
        except BadInputError as refused:
            status = status_of(refused)
            self.give(OPEN_INFERENCE.refuse(status, refused.sentence, refused.path))

    def give(self, answer: WireAnswer) -> None:
        self.send_response(answer.status)
        self.send_header("content-type", answer.content_type)
        self.send_header("content-length", str(len(answer.body)))
        for name, value in answer.headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="module", autouse=True)
def collected() -> Iterator[None]:
    """Free the clients in the thread that made them, where gevent lets go of their sockets."""
    yield
    gc.collect()


@pytest.fixture
def client() -> Iterator[Any]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        client = triton.InferenceServerClient(f"127.0.0.1:{server.server_port}")
        yield client
        client.close()
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("sends_binary", [True, False])
@pytest.mark.parametrize("wants_binary", [True, False])
def test_gets_what_the_model_answers(client: Any, sends_binary: bool, wants_binary: bool) -> None:
    inputs = [triton.InferInput(name, [2, 1], KINDS[name]) for name in CELLS]
    for tensor in inputs:
        tensor.set_data_from_numpy(CELLS[tensor.name()], binary_data=sends_binary)
    outputs = [
        triton.InferRequestedOutput(name, binary_data=wants_binary)
        for name in ("probabilities", "predictions")
    ]
    answer = client.infer("people", inputs, outputs=outputs, request_id="42")
    check(answer)
    assert answer.get_response()["id"] == "42"


def test_gets_all_outputs_when_it_names_none(client: Any) -> None:
    inputs = [triton.InferInput(name, [2, 1], KINDS[name]) for name in CELLS]
    for tensor in inputs:
        tensor.set_data_from_numpy(CELLS[tensor.name()])
    check(client.infer("people", inputs))


def check(answer: Any) -> None:
    rows = served("people").signature.checked([PERSON, [40, 3.5, "own", False]])
    wanted = served("people").answer_now(rows)
    labels = answer.as_numpy("predictions").tolist()
    assert [as_text(label) for label in labels] == wanted["predictions"].tolist()
    assert answer.as_numpy("probabilities").tolist() == wanted["probabilities"].tolist()


def as_text(label: Any) -> str:
    return label.decode() if isinstance(label, bytes) else label


def test_gets_a_sentence_for_a_wrong_shape(client: Any) -> None:
    tensor = triton.InferInput("input", [1, 2], "FP32")
    tensor.set_data_from_numpy(np.zeros((1, 2), dtype=np.float32))
    with pytest.raises(InferenceServerException, match=r"inputs\[0\].shape: send \[rows, 3\]"):
        client.infer("points", [tensor])


def test_reads_the_metadata(client: Any) -> None:
    assert client.is_model_ready("people")
    assert client.get_server_metadata()["extensions"] == ["binary_tensor_data"]
    assert client.get_model_metadata("people")["versions"] == ["7"]
