from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import tritonclient.grpc as triton
from grpclib.const import Status
from grpclib.exceptions import GRPCError
from tritonclient.utils import InferenceServerException

from serving.runtime.errors import OverloadedError
from serving.runtime.grpc import open_inference_pb2 as pb
from serving.runtime.grpc.service import InferCall, grpc_error
from tests.serving.runtime.grpc.servers import channel, method, point, running
from tests.serving.runtime.protocols.tiny_models import PERSON, served

pytestmark = pytest.mark.timeout(60)


def with_triton(ask: Callable[[triton.InferenceServerClient], Any], **server: Any) -> Any:
    """Run `ask` with Triton's own client, which is gRPC's C core."""

    def call(address: str) -> Any:
        with triton.InferenceServerClient(address) as client:
            return ask(client)

    async def scenario() -> Any:
        async with running(**server) as here:
            return await asyncio.to_thread(call, here.address)

    return asyncio.run(scenario())


def with_grpclib(name: str, message: Any, headers: Any = None, **server: Any) -> Any:
    async def scenario() -> Any:
        async with running(**server) as here, channel(here) as opened:
            return await method(opened, name)(message, metadata=headers)

    return asyncio.run(scenario())


@contextmanager
def refused(status: Status, words: str) -> Iterator[None]:
    with pytest.raises(GRPCError) as error:
        yield
    assert error.value.status is status
    assert words in (error.value.message or "")


def test_tells_the_state_of_the_server_and_its_models() -> None:
    def ask(client: Any) -> Any:
        ready = client.is_model_ready("points"), client.is_model_ready("points", "7")
        unknown = client.is_model_ready("none"), client.is_model_ready("points", "8")
        return client.is_server_live(), client.is_server_ready(), ready, unknown

    assert with_triton(ask) == (True, True, (True, True), (False, False))
    assert with_triton(ask, ready=False) == (True, False, (False, False), (False, False))


def test_tells_what_it_is_and_what_its_models_take() -> None:
    def ask(client: Any) -> Any:
        return client.get_server_metadata(), client.get_model_metadata("people")

    server, model = with_triton(ask)
    assert (server.name, server.version) == ("tiffin", "1.2")
    assert list(server.extensions) == ["binary_tensor_data"]
    assert (model.name, list(model.versions)) == ("people", ["7"])
    assert [(tensor.name, tensor.datatype) for tensor in model.inputs] == [
        ("age", "INT64"),
        ("income", "FP64"),
        ("home", "BYTES"),
        ("married", "BOOL"),
    ]
    assert [list(tensor.shape) for tensor in model.outputs] == [[-1], [-1, 2]]


def test_triton_gets_what_the_model_answers() -> None:
    cells = {
        "age": np.array([[30], [40]]),
        "income": np.array([[2.5], [3.5]]),
        "home": np.array([["rent"], ["own"]], dtype=object),
        "married": np.array([[True], [False]]),
    }
    kinds = {"age": "INT64", "income": "FP64", "home": "BYTES", "married": "BOOL"}

    def ask(client: Any) -> Any:
        inputs = [triton.InferInput(name, [2, 1], kinds[name]) for name in cells]
        for tensor in inputs:
            tensor.set_data_from_numpy(cells[tensor.name()])
        outputs = [triton.InferRequestedOutput(name) for name in ("probabilities", "predictions")]
        return client.infer("people", inputs, model_version="7", outputs=outputs, request_id="42")

    answer = with_triton(ask)
    rows = served("people").signature.checked([PERSON, [40, 3.5, "own", False]])
    wanted = served("people").answer_now(rows)
    assert answer.get_response().id == "42"
    assert answer.as_numpy("probabilities").tolist() == wanted["probabilities"].tolist()
    assert [text.decode() for text in answer.as_numpy("predictions")] == list(wanted["predictions"])


def test_triton_gets_a_status_and_a_sentence() -> None:
    def ask(client: Any) -> Any:
        tensor = triton.InferInput("input", [1, 2], "FP32")
        tensor.set_data_from_numpy(np.zeros((1, 2), dtype=np.float32))
        return client.infer("points", [tensor])

    with pytest.raises(InferenceServerException, match=r"inputs\[0\].shape: send \[rows, 3\]"):
        with_triton(ask)


def test_grpclib_gets_what_the_model_answers() -> None:
    answer = with_grpclib("ModelInfer", point(id="a"))
    height = answer.outputs[0].contents.fp64_contents[0]
    assert list(answer.outputs[1].contents.fp64_contents) == [height - 1, height + 1]
    assert (answer.id, answer.model_name, answer.model_version) == ("a", "points", "7")


def test_without_a_name_the_default_model_answers() -> None:
    with refused(Status.INVALID_ARGUMENT, "inputs[0].shape: send [rows, 4]"):
        with_grpclib("ModelInfer", point(model_name=""))


@pytest.mark.parametrize("name", ["ModelInfer", "ModelMetadata"])
def test_an_unknown_model_is_not_found(name: str) -> None:
    asked = {
        "ModelInfer": point(model_name="none"),
        "ModelMetadata": pb.ModelMetadataRequest(name="none"),
    }
    with refused(Status.NOT_FOUND, "'none' is not loaded here; ask for people (version 7)"):
        with_grpclib(name, asked[name])


def raising(failure: Exception) -> Callable[[InferCall], Awaitable[None]]:
    async def before(call: InferCall) -> None:
        raise failure

    return before


def test_what_the_model_raises_is_internal_and_not_told(caplog: pytest.LogCaptureFixture) -> None:
    with refused(Status.INTERNAL, "the model failed on this request with ZeroDivisionError"):
        with_grpclib("ModelInfer", point(), before=raising(ZeroDivisionError("secret")))
    assert "secret" in caplog.text


def test_a_shed_call_is_told_when_to_come_back() -> None:
    async def scenario() -> tuple[GRPCError, Any]:
        async with running(raising(OverloadedError(0.25))) as here, channel(here) as opened:
            async with method(opened, "ModelInfer").open() as stream:
                await stream.send_message(point(), end=True)
                with pytest.raises(GRPCError) as error:
                    await stream.recv_message()
            return error.value, stream.trailing_metadata

    error, trailers = asyncio.run(scenario())
    assert error.status is Status.RESOURCE_EXHAUSTED
    assert "ask again in 0.2 seconds" in (error.message or "")
    assert trailers["retry-after"] == "1"


@pytest.mark.parametrize(
    ("http_status", "status"),
    [
        (400, Status.INVALID_ARGUMENT),
        (401, Status.UNAUTHENTICATED),
        (403, Status.PERMISSION_DENIED),
        (404, Status.NOT_FOUND),
        (413, Status.RESOURCE_EXHAUSTED),
        (429, Status.RESOURCE_EXHAUSTED),
        (500, Status.INTERNAL),
        (503, Status.UNAVAILABLE),
    ],
)
def test_a_refusal_of_the_server_keeps_its_meaning(http_status: int, status: Status) -> None:
    refusal = grpc_error(http_status, "no such këy")
    with refused(status, "no such këy"):
        with_grpclib("ModelInfer", point(), before=raising(refusal))


def test_an_endless_sentence_still_reaches_the_client() -> None:
    def ask(client: Any) -> Any:
        tensor = triton.InferInput("input", [1, 3], "FP32")
        tensor.set_data_from_numpy(np.zeros((1, 3), dtype=np.float32))
        return client.infer("points", [tensor])

    with pytest.raises(InferenceServerException, match=r"NOT_FOUND.*𝄞𝄞"):
        with_triton(ask, before=raising(grpc_error(404, "𝄞" * 5000)))


def test_the_metadata_of_a_call_is_there_for_key_checks() -> None:
    async def scenario() -> InferCall:
        async with running() as here, channel(here) as opened:
            headers = {"authorization": "Bearer k", "x-request-id": "7"}
            await method(opened, "ModelInfer")(point(), metadata=headers)
            return here.calls[0]

    call = asyncio.run(scenario())
    assert call.headers[b"authorization"] == b"Bearer k"
    assert call.headers[b"x-request-id"] == b"7"
    assert (call.model, call.version, call.protocol) == ("points", None, "open-inference")
