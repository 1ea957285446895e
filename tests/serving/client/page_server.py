"""A web server that speaks HTTP/2, but no gRPC: as the gateway in front of HTTP/1.1 servers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import StreamEnded


class _Pages(asyncio.Protocol):
    """Answers every request with one page."""

    def __init__(self, headers: list[tuple[str, str]], opened: list[asyncio.Transport]) -> None:
        self._headers = headers
        self._opened = opened
        self._h2 = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._opened.append(transport)
        self._h2.initiate_connection()
        self._send()

    def data_received(self, data: bytes) -> None:
        for event in self._h2.receive_data(data):
            if isinstance(event, StreamEnded) and event.stream_id is not None:
                self._h2.send_headers(event.stream_id, self._headers)
                self._h2.send_data(event.stream_id, b"{}", end_stream=True)
        self._send()

    def _send(self) -> None:
        self._transport.write(self._h2.data_to_send())


@asynccontextmanager
async def pages(status: str, content_type: str | None) -> AsyncIterator[int]:
    """Serve; yield the port."""
    headers = [(":status", status)]
    headers += [("content-type", content_type)] if content_type else []
    loop, opened = asyncio.get_running_loop(), list[asyncio.Transport]()
    server = await loop.create_server(lambda: _Pages(headers, opened), "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for transport in opened:
            transport.abort()
