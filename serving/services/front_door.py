"""The port of a model server, on which HTTP/1.1 and gRPC are spoken.

uvicorn asks for a protocol per connection. It gets a FrontDoor, which waits for the first bytes:
HTTP/2's preface means gRPC, anything else is HTTP.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

from serving.services.http_connection import LINGER_S, HttpConnection

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


class FrontDoor(asyncio.Protocol):
    """A connection that has not said yet which protocol it speaks."""

    def __init__(
        self,
        *,
        http: Callable[..., HttpConnection],
        grpc: Callable[[set[Any]], asyncio.Protocol] | None,
        server_state: Any,
        **uvicorn: Any,
    ) -> None:
        self._connections: set[Any] = server_state.connections
        self._http = partial(http, server_state=server_state, **uvicorn)
        self._grpc = grpc
        self._first = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the first bytes; uvicorn may end the connection meanwhile."""
        self._transport = transport  # type: ignore[assignment]
        self._connections.add(self)

    def data_received(self, data: bytes) -> None:
        """Hand the connection over as soon as it's clear to whom."""
        self._first += data
        is_preface = self._first.startswith(_PREFACE)
        if not is_preface and _PREFACE.startswith(self._first):
            return  # so far it could still be either
        self._hand_over(is_preface)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget a client that left without a word."""
        self._connections.discard(self)

    def shutdown(self) -> None:
        """Close, unless a request arrives just now."""
        asyncio.get_running_loop().call_later(LINGER_S, self._close_if_silent)

    def _hand_over(self, is_preface: bool) -> None:
        self._connections.discard(self)
        if is_preface and self._grpc is not None:
            successor: asyncio.Protocol = self._grpc(self._connections)
        else:
            successor = self._http()
        self._transport.set_protocol(successor)
        successor.connection_made(self._transport)
        successor.data_received(self._first)

    def _close_if_silent(self) -> None:
        if self in self._connections:
            self._transport.close()
