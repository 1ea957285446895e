"""Our applications on uvicorn's connections, in the test's own event loop, around small models."""

from __future__ import annotations

import asyncio
import hashlib
import queue
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import uvicorn
import uvloop
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from uvicorn.server import ServerState

from serving.runtime.identity import ModelKind
from serving.runtime.served_model import ServedModel
from serving.runtime.settings import ServerSettings
from serving.services.application import application
from serving.services.lifecycle import equip
from serving.services.model_server import ModelServer
from tests.serving.runtime.small_models import model_of

GOOD = {"input_data": {"features": [[1.0, 2.0]]}}


@dataclass
class Site:
    """A server that runs, a client for it, and what uvicorn knows of its connections."""

    server: ModelServer
    port: int
    client: httpx.AsyncClient
    state: ServerState

    async def predict(self, *rows: list[Any], **more: Any) -> httpx.Response:
        body = {"input_data": {"features": list(rows)}}
        return await self.client.post("/predict", json=body, **more)

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port)


async def _bentoml_probe(request: Any) -> PlainTextResponse:
    return PlainTextResponse("\n")


BENTOML = Starlette(
    routes=[Route(path, _bentoml_probe) for path in ("/livez", "/readyz", "/healthz", "/metrics")]
)
"""As much of BentoML as the applications in front of it need."""


@asynccontextmanager
async def site(
    *models: ServedModel, kind: ModelKind | None = ModelKind.REGRESSION, **settings: Any
) -> AsyncIterator[Site]:
    server = ModelServer("service", ServerSettings(**settings), kind)
    for model in models or (model_of(),):
        server.models.put(model)
    lifecycle = application(server, BENTOML)
    config = uvicorn.Config(lifecycle, log_config=None)
    config.load()
    equip(config, server, lifecycle._app)
    state, loop = ServerState(), asyncio.get_running_loop()
    listener = await loop.create_server(
        lambda: config.http_protocol_class(
            config=config, server_state=state, app_state={}, _loop=loop
        ),
        "127.0.0.1",
        0,
    )
    port = listener.sockets[0].getsockname()[1]
    try:
        url = f"http://127.0.0.1:{port}"
        async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
            yield Site(server, port, client, state)
    finally:
        listener.close()
        for connection in list(state.connections):
            connection.shutdown()
        for _ in range(100):  # uvloop never ends beside a connection that a test has left open
            if not state.connections:
                break
            await asyncio.sleep(0.01)


def keys_file(folder: Path, **scopes: str) -> Path:
    """Write a file of keys; each key is its own name."""
    file = folder / "keys"
    lines = [f"{name}:{scope}:{digest(name)}" for name, scope in scopes.items()]
    file.write_text("\n".join(["# made by a test", *lines]) + "\n")
    return file


def digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def request_of(path: str, body: bytes, *headers: str) -> bytes:
    """Return a whole HTTP request, as one piece of bytes."""
    head = [f"POST {path} HTTP/1.1", "Host: here", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*head, "", ""]).encode() + body


async def read_answer(reader: asyncio.StreamReader) -> tuple[int, dict[str, str], bytes]:
    """Read one answer that says how long it is: status, headers, body."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    pairs: Sequence[tuple[str, str, str]] = [line.partition(": ") for line in head[1:] if line]
    headers = {name.lower(): value for name, _, value in pairs}
    body = await reader.readexactly(int(headers["content-length"]))
    return int(head[0].split()[1]), headers, body


@contextmanager
def threaded_site(*models: ServedModel, **settings: Any) -> Iterator[str]:
    """Run a site in a thread, for clients that block; yield its URL."""
    started: queue.Queue[tuple[str, asyncio.AbstractEventLoop, asyncio.Event]] = queue.Queue()

    async def run() -> None:
        async with site(*models, **settings) as here:
            stopped = asyncio.Event()
            url = f"http://127.0.0.1:{here.port}"
            started.put((url, asyncio.get_running_loop(), stopped))
            await stopped.wait()

    thread = threading.Thread(target=uvloop.run, args=(run(),))
    thread.start()
    url, loop, stopped = started.get(timeout=30)
    try:
        yield url
    finally:
        loop.call_soon_threadsafe(stopped.set)
        thread.join(30)
