from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import uvloop
from grpclib.client import Channel, UnaryUnaryMethod
from grpclib.const import Status
from grpclib.exceptions import GRPCError

from serving.runtime.errors import OverloadedError
from serving.runtime.grpc import open_inference_pb2 as pb
from serving.runtime.grpc.service import SERVICE
from tests.serving.runtime.small_models import OneEngine, model_of
from tests.serving.services.small_site import GOOD, Site, keys_file, read_answer, request_of, site

ASKED = request_of("/predict", json.dumps(GOOD).encode())


@asynccontextmanager
async def channel(here: Site) -> AsyncIterator[Channel]:
    opened = Channel("127.0.0.1", here.port)
    try:
        yield opened
    finally:
        opened.close()


def point(number: float = 1.0, model: str = "small") -> pb.ModelInferRequest:
    request = pb.ModelInferRequest(model_name=model)
    for name, value in (("a", number), ("b", 2.0)):
        tensor = request.inputs.add(name=name, datatype="FP64", shape=[1, 1])
        tensor.contents.fp64_contents.append(value)
    return request


async def infer(
    opened: Channel, request: pb.ModelInferRequest, **metadata: str
) -> pb.ModelInferResponse:
    method: Any = UnaryUnaryMethod(
        opened, f"/{SERVICE}/ModelInfer", pb.ModelInferRequest, pb.ModelInferResponse
    )
    sent = {name.replace("_", "-"): value for name, value in metadata.items()}
    answer: pb.ModelInferResponse = await method(request, metadata=sent, timeout=20)
    return answer


async def refused(opened: Channel, request: pb.ModelInferRequest, **metadata: str) -> GRPCError:
    with pytest.raises(GRPCError) as error:
        await infer(opened, request, **metadata)
    return error.value


def test_grpc_and_http_are_answered_on_one_port() -> None:
    async def scenario() -> None:
        async with site() as here, channel(here) as opened:
            over_grpc = await infer(opened, point(3.0))
            over_http = await here.predict([3.0, 2.0])
        assert list(over_grpc.outputs[0].contents.fp64_contents) == [3.0]
        assert over_http.json()["predictions"] == [3.0]

    uvloop.run(scenario())


def test_a_first_line_that_comes_byte_by_byte_is_understood() -> None:
    async def scenario() -> None:
        async with site() as here:
            reader, writer = await here.connect()
            for place in range(len(ASKED)):
                writer.write(ASKED[place : place + 1])
                await writer.drain()
                await asyncio.sleep(0)
            assert (await read_answer(reader))[0] == 200
            writer.close()

    uvloop.run(scenario())


def test_a_preface_that_comes_in_two_pieces_is_grpc_all_the_same() -> None:
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    settings = b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"

    async def scenario() -> None:
        async with site() as here:
            reader, writer = await here.connect()
            for piece in (preface[:7], preface[7:] + settings):
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0.05)
            frame = await reader.readexactly(9)
            assert frame[3] == settings[3]
            writer.close()

    uvloop.run(scenario())


def test_a_method_that_begins_like_the_preface_is_http() -> None:
    async def scenario() -> None:
        async with site() as here:
            reader, writer = await here.connect()
            for piece in (b"PRI", b"NT /predict HTTP/1.1\r\nHost: here\r\n\r\n"):
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0.01)
            assert (await reader.readline()).startswith(b"HTTP/1.1 400")
            writer.close()

    uvloop.run(scenario())


def test_a_client_that_leaves_without_a_word_is_forgotten() -> None:
    async def scenario() -> None:
        async with site() as here:
            _, writer = await here.connect()
            while not here.state.connections:
                await asyncio.sleep(0)
            writer.close()
            async with asyncio.timeout(20):
                while here.state.connections:
                    await asyncio.sleep(0)

    uvloop.run(scenario())


def test_grpc_asks_for_the_same_keys(tmp_path: Path) -> None:
    async def scenario() -> None:
        file = keys_file(tmp_path, app="predict", robot="admin")
        async with site(keys_file=file) as here, channel(here) as opened:
            assert (await refused(opened, point())).status is Status.UNAUTHENTICATED
            robot = await refused(opened, point(), x_api_key="robot")
            assert robot.status is Status.PERMISSION_DENIED
            assert await infer(opened, point(), authorization="Bearer app")

    uvloop.run(scenario())


def test_grpc_fails_with_the_status_that_http_has_a_number_for() -> None:
    def answer(number: float) -> float:
        if number == 13:
            raise ValueError("13 is my secret")
        return number

    async def scenario() -> None:
        async with site(model_of(OneEngine(answer))) as here, channel(here) as opened:
            unknown = await refused(opened, point(model="gone"))
            odd = await refused(opened, pb.ModelInferRequest(model_name="small"))
            failed = await refused(opened, point(13))
            here.server.models.find().answer = overloaded  # type: ignore[method-assign]
            shed = await refused(opened, point())
        assert unknown.status is Status.NOT_FOUND
        assert odd.status is Status.INVALID_ARGUMENT
        assert failed.status is Status.INTERNAL
        assert "secret" not in str(failed.message)
        assert shed.status is Status.RESOURCE_EXHAUSTED

    async def overloaded(rows: Any) -> Any:
        raise OverloadedError(1.0)

    uvloop.run(scenario())


def test_grpc_is_counted_like_http() -> None:
    from prometheus_client import REGISTRY

    async def scenario() -> None:
        async with site(model_of(name="rpc")) as here, channel(here) as opened:
            await infer(opened, point(model="rpc"))
            await refused(opened, pb.ModelInferRequest(model_name="rpc"))
            await here.client.get("/metrics")
        labels = {"model_name": "rpc", "model_version": "1", "protocol": "open-inference"}
        for outcome in ("answered", "bad_input"):
            of_it = {**labels, "outcome": outcome}
            assert REGISTRY.get_sample_value("model_requests_total", of_it) == 1

    uvloop.run(scenario())


def test_a_server_that_stops_says_so_over_grpc_too() -> None:
    async def scenario() -> None:
        async with site() as here, channel(here) as opened:
            method: Any = UnaryUnaryMethod(
                opened, f"/{SERVICE}/ServerReady", pb.ServerReadyRequest, pb.ServerReadyResponse
            )
            assert (await method(pb.ServerReadyRequest())).ready
            here.server.drain.is_draining = True
            assert not (await method(pb.ServerReadyRequest())).ready
            for connection in list(here.state.connections):
                connection.shutdown()
            async with asyncio.timeout(20):
                while here.state.connections:
                    await asyncio.sleep(0)

    uvloop.run(scenario())
