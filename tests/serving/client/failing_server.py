"""A real server on a socket that misbehaves as a test asks, one request after the other."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import chain, repeat
from typing import Any

Behaviour = Callable[[asyncio.StreamWriter], Awaitable[None]]
GOOD_BODY = json.dumps({"predictions": [1.0], "model_name": "m", "model_version": "1"}).encode()


@dataclass
class FailingServer:
    """Where it answers, and what it was asked."""

    port: int = 0
    asked: list[dict[str, str]] = field(default_factory=list)
    """The headers of each request, in lower case; `path` is among them."""
    are_hanging: int = 0
    released: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@asynccontextmanager
async def failing(*first: Any, then: Any = None) -> AsyncIterator[FailingServer]:
    """Serve: the n-th request gets the n-th behaviour, all later ones get `then`, or an answer."""
    here = FailingServer()
    behaviours: Iterable[Any] = chain(first, repeat(then or answer()))
    script = iter(behaviours)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while headers := await _request(reader):
                here.asked.append(headers)
                await next(script)(writer, here)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    here.port = server.sockets[0].getsockname()[1]
    try:
        yield here
    finally:
        here.released.set()
        server.close()


async def _request(reader: asyncio.StreamReader) -> dict[str, str]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head)}
    await reader.readexactly(int(headers["content-length"]))
    return headers | {"path": head[0].split()[1]}


def answer(status: int = 200, body: bytes = GOOD_BODY, **headers: object) -> Any:
    async def behave(writer: asyncio.StreamWriter, here: FailingServer) -> None:
        writer.write(_head(status, len(body), headers) + body)

    return behave


def refuse(status: int, sentence: str = "no", **headers: object) -> Any:
    return answer(status, json.dumps({"error": sentence, "path": ""}).encode(), **headers)


def _head(status: int, length: int, headers: dict[str, object]) -> bytes:
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    head = [f"HTTP/1.1 {status} X", f"content-length: {length}", *lines]
    return "\r\n".join([*head, "", ""]).encode()


async def hang(writer: asyncio.StreamWriter, here: FailingServer) -> None:
    """Say nothing until the test releases all, then answer."""
    here.are_hanging += 1
    await here.released.wait()
    writer.write(_head(200, len(GOOD_BODY), {}) + GOOD_BODY)


async def reset(writer: asyncio.StreamWriter, here: FailingServer) -> None:
    """Break the connection, so that the client gets RST."""
    linger = struct.pack("ii", 1, 0)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.transport.abort()


async def truncate(writer: asyncio.StreamWriter, here: FailingServer) -> None:
    """Send half of an answer and hang up."""
    writer.write(_head(200, len(GOOD_BODY), {}) + GOOD_BODY[:10])
    await writer.drain()
    writer.close()


def drip(part: str) -> Any:
    """Send the head, or the body, byte by byte, for ever."""

    async def behave(writer: asyncio.StreamWriter, here: FailingServer) -> None:
        start = b"HTTP/1.1 200 X\r\nx-slow: " if part == "head" else _head(200, 1_000_000, {})
        writer.write(start)
        while not here.released.is_set():
            writer.write(b"1")
            await writer.drain()
            await asyncio.sleep(0.005)

    return behave


async def close_idle(writer: asyncio.StreamWriter, here: FailingServer) -> None:
    """Answer, and close the connection without having said so."""
    writer.write(_head(200, len(GOOD_BODY), {}) + GOOD_BODY)
    await writer.drain()
    writer.close()
