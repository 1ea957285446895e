from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import numpy as np
import pytest
import tritonclient.grpc as triton
from grpclib.client import Channel
from grpclib.const import Status
from grpclib.exceptions import GRPCError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tritonclient.utils import InferenceServerException

from serving.runtime.grpc import h2_server
from serving.runtime.grpc.service import InferCall
from tests.serving.runtime.grpc.raw_client import FRAMED, HEADERS, raw_client
from tests.serving.runtime.grpc.servers import LARGEST, Running, channel, method, point, running

pytestmark = pytest.mark.timeout(60)

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
INFER = dict(HEADERS)[":path"]


class Gate:
    """Holds calls until it is opened, and tells when one has come."""

    def __init__(self) -> None:
        self.reached, self.opened = asyncio.Event(), asyncio.Event()
        self.cancelled = asyncio.Event()

    async def hold(self, call: InferCall) -> None:
        self.reached.set()
        try:
            await self.opened.wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise


def infer(address: str, rows: int = 1, **options: Any) -> list[float]:
    """Ask once with Triton's client."""
    tensor = triton.InferInput("input", [rows, 3], "FP64")
    tensor.set_data_from_numpy(np.full((rows, 3), 1.5))
    with triton.InferenceServerClient(address) as client:
        answer: list[float] = client.infer("points", [tensor], **options).as_numpy("predictions")
        return answer


def raw_call(address: str, message: bytes) -> grpc.RpcError | None:
    """Send bytes as a message; return the error that came back."""
    with grpc.insecure_channel(address) as opened:
        try:
            opened.unary_unary(INFER)(message, timeout=20)
        except grpc.RpcError as error:
            return error
    return None


def scene(play: Callable[[Running, Gate], Awaitable[Any]]) -> Any:
    """Play with a server that holds each call at a gate."""

    async def scenario() -> Any:
        gate = Gate()
        async with running(gate.hold) as here:
            return await play(here, gate)

    return asyncio.run(scenario())


def test_a_call_in_flight_is_answered_before_the_connection_closes() -> None:
    async def play(here: Running, gate: Gate) -> list[float]:
        call = asyncio.create_task(asyncio.to_thread(infer, here.address))
        await gate.reached.wait()
        for connection in [*here.connections]:
            connection.shutdown()
            connection.shutdown()
        gate.opened.set()
        answer = await call
        await here.gone()
        return answer

    assert len(scene(play)) == 1


def test_a_client_that_was_told_to_go_comes_back_on_a_new_connection() -> None:
    async def play(here: Running, gate: Gate) -> tuple[Any, Any]:
        gate.opened.set()
        tensor = triton.InferInput("input", [1, 3], "FP64")
        tensor.set_data_from_numpy(np.array([[1, 2, 3.5]]))
        client = triton.InferenceServerClient(here.address)
        first = await asyncio.to_thread(client.infer, "points", [tensor])
        for connection in [*here.connections]:
            connection.shutdown()
        await here.gone()
        second = await asyncio.to_thread(client.infer, "points", [tensor])
        client.close()
        return first.as_numpy("predictions"), second.as_numpy("predictions")

    first, second = scene(play)
    assert first.tolist() == second.tolist()


def test_calls_that_cross_the_news_on_their_way_are_answered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(h2_server, "_QUIET_WITHIN_S", 0)
    monkeypatch.setattr(h2_server, "_PATIENCE_S", 1e6)

    async def play(here: Running, gate: Gate) -> list[dict[str, str]]:
        async with raw_client(here) as client:
            client.call(1)
            client.flush()
            await gate.reached.wait()
            here.connections.copy().pop().shutdown()
            client.call(3)  # as if it had not heard yet
            client.flush()
            gate.opened.set()
            ends = await client.hear_ends(1, 3)
            while await client.hear():
                pass
            return ends

    assert [end["grpc-status"] for end in scene(play)] == ["0", "0"]


def test_a_client_in_python_is_told_when_its_call_is_answered() -> None:
    async def play(here: Running, gate: Gate) -> Any:
        async with channel(here) as opened:
            call = asyncio.create_task(method(opened, "ModelInfer")(point()))
            await gate.reached.wait()
            here.connections.copy().pop().shutdown()
            gate.opened.set()
            answer = await call
            await here.gone()
            return answer.outputs, (await method(opened, "ModelInfer")(point())).outputs

    first, second = scene(play)
    assert first == second


def test_a_client_that_answers_no_ping_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(h2_server, "_PATIENCE_S", 0.01)

    async def play(here: Running, gate: Gate) -> None:
        async with raw_client(here) as client:
            here.connections.copy().pop().shutdown()
            await client.reader.read()

    scene(play)


def test_a_call_that_its_client_cancels_ends_at_once() -> None:
    async def play(here: Running, gate: Gate) -> int:
        async with channel(here) as opened:
            call = asyncio.create_task(method(opened, "ModelInfer")(point()))
            await gate.reached.wait()
            connection = here.connections.copy().pop()
            call.cancel()
            await gate.cancelled.wait()
            while not connection.handler.are_done:
                await asyncio.sleep(0)
            return len(connection.processor.streams)

    assert scene(play) == 0


def test_a_call_whose_client_is_gone_ends_at_once() -> None:
    async def play(here: Running, gate: Gate) -> None:
        opened = Channel("127.0.0.1", here.port)
        call = asyncio.create_task(method(opened, "ModelInfer")(point()))
        await gate.reached.wait()
        opened.close()
        await gate.cancelled.wait()
        await here.gone()
        await asyncio.gather(call, return_exceptions=True)

    scene(play)


def test_streams_that_are_reset_before_they_begin_leave_nothing_behind() -> None:
    async def play(here: Running, gate: Gate) -> int:
        async with raw_client(here) as client:
            for stream in range(1, 41, 2):
                client.http.send_headers(stream, HEADERS)
                client.http.reset_stream(stream)
            client.call(41)
            client.flush()
            gate.opened.set()
            await client.hear_ends(41)
            return len(here.connections.copy().pop().processor.streams)

    assert scene(play) == 0


def test_a_message_that_is_too_large_is_refused() -> None:
    async def play(here: Running, gate: Gate) -> None:
        large = point(raw_input_contents=[bytes(LARGEST)])
        async with channel(here) as opened:
            with pytest.raises(GRPCError, match="larger than 100000 bytes") as error:
                await method(opened, "ModelInfer")(large)
            assert error.value.status is Status.RESOURCE_EXHAUSTED

    scene(play)


@pytest.mark.parametrize("message", [b"\xff\xff\xff", b"\x0a\xff"])
def test_a_message_that_is_no_protobuf_is_refused(message: bytes) -> None:
    async def play(here: Running, gate: Gate) -> Any:
        return await asyncio.to_thread(raw_call, here.address, message)

    error = scene(play)
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert error.details() == "the message is no protobuf of this method"


def test_a_compressed_message_is_refused() -> None:
    async def play(here: Running, gate: Gate) -> Any:
        gate.opened.set()
        return await asyncio.to_thread(infer, here.address, rows=1000, compression_algorithm="gzip")

    with pytest.raises(InferenceServerException, match="send messages without compression"):
        scene(play)


@pytest.mark.parametrize(
    ("data", "words"),
    [(b"", "send one message"), (FRAMED[:-3], "the message is shorter than its length says")],
)
def test_a_call_without_a_whole_message_is_refused(data: bytes, words: str) -> None:
    async def play(here: Running, gate: Gate) -> Any:
        async with raw_client(here) as client:
            client.call(1, data)
            client.flush()
            return await client.hear_ends(1)

    assert scene(play)[0]["grpc-message"] == words


def test_frames_of_unknown_types_are_ignored() -> None:
    async def play(here: Running, gate: Gate) -> Any:
        gate.opened.set()
        async with raw_client(here) as client:
            client.writer.write(b"\x00\x00\x03\xee\x00\x00\x00\x00\x00abc")
            client.call(1)
            client.flush()
            return await client.hear_ends(1)

    assert scene(play)[0]["grpc-status"] == "0"


@pytest.mark.parametrize(
    "header", [("x-a-bin", "a"), ("x-a", b"\xff\xfe"), ("grpc-timeout", "soon")]
)
def test_a_call_with_metadata_that_makes_no_sense_comes_to_an_end(header: tuple[Any, Any]) -> None:
    async def play(here: Running, gate: Gate) -> Any:
        gate.opened.set()
        async with raw_client(here) as client:
            client.call(1, FRAMED, header)
            client.flush()
            return await client.hear_ends(1)

    assert scene(play)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(noise=st.binary(max_size=60), starts_well=st.booleans(), whole=st.booleans())
def test_noise_ends_its_own_connection_alone(noise: bytes, starts_well: bool, whole: bool) -> None:
    async def scenario() -> list[Any]:
        failures: list[Any] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, what: failures.append(what))
        async with running() as here:
            reader, writer = await asyncio.open_connection("127.0.0.1", here.port)
            framed = len(noise).to_bytes(3, "big") + noise[:6].ljust(6, b"\x00") + noise
            start = PREFACE + b"\x00\x00\x00\x04\x00\x00\x00\x00\x00" if starts_well else b""
            writer.write(start + (framed if whole else noise))
            writer.write_eof()
            await reader.read()
            writer.close()
            async with channel(here) as opened:
                assert (await method(opened, "ModelInfer")(point())).outputs
        return failures

    assert asyncio.run(scenario()) == []
