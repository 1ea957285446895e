"""A plain asyncio server that hands its connections to H2Server, and a grpclib client for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from grpclib.client import Channel, UnaryUnaryMethod

from serving.runtime.grpc import open_inference_pb2 as pb
from serving.runtime.grpc.h2_server import H2Server
from serving.runtime.grpc.service import SERVICE, InferCall, grpc_handlers
from serving.runtime.model_table import ModelTable
from tests.serving.runtime.protocols.tiny_models import served

LARGEST = 100_000


@dataclass
class Running:
    """The server's address and its connections, and what callers asked."""

    port: int
    connections: set[Any]
    calls: list[InferCall] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    async def gone(self) -> None:
        """Wait until no connection is left."""
        while self.connections:
            await asyncio.sleep(0)


@asynccontextmanager
async def running(
    before: Callable[[InferCall], Awaitable[None]] | None = None, ready: bool = True
) -> AsyncIterator[Running]:
    table = ModelTable()
    for name in ("people", "points"):
        table.put(served(name))

    async def answer(call: InferCall) -> pb.ModelInferResponse:
        here.calls.append(call)
        if before is not None:
            await before(call)
        model = table.find(call.model, call.version)
        question = call.read(model)
        return call.write(question, await model.answer(question.rows), model)

    services = grpc_handlers(table, answer, version="1.2", is_ready=lambda: ready)
    h2, connections = H2Server(services, LARGEST), set[Any]()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: h2.connection(connections), "127.0.0.1", 0)
    here = Running(server.sockets[0].getsockname()[1], connections)
    async with server:
        try:
            yield here
        finally:
            server.close()
            for connection in [*connections]:
                connection.connection.close()
            await here.gone()


@asynccontextmanager
async def channel(server: Running) -> AsyncIterator[Channel]:
    opened = Channel("127.0.0.1", server.port)
    try:
        yield opened
    finally:
        opened.close()


def method(channel: Channel, name: str) -> UnaryUnaryMethod[Any, Any]:
    request, response = getattr(pb, f"{name}Request"), getattr(pb, f"{name}Response")
    return UnaryUnaryMethod(channel, f"/{SERVICE}/{name}", request, response)


def point(**more: Any) -> pb.ModelInferRequest:
    """One row for the model `points`."""
    tensor = pb.ModelInferRequest.InferInputTensor(
        name="input",
        datatype="FP64",
        shape=[1, 3],
        contents=pb.InferTensorContents(fp64_contents=[1, 2, 3.5]),
    )
    return pb.ModelInferRequest(**{"model_name": "points", "inputs": [tensor], **more})
