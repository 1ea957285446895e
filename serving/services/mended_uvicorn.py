"""uvicorn's HTTP/1.1 connection with the holes closed that a model server can't live with.

Each method says which one; it may go when uvicorn has closed it.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sized
from typing import Any

from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_OTHER_PROTOCOL = re.compile(rb"\r\nupgrade:(?![ \t]*websocket)[^\r\n]*", re.IGNORECASE)


class MendedConnection(HttpToolsProtocol):
    """A connection; `is_between_messages` while the next byte begins a request."""

    def __init__(self, **uvicorn: Any) -> None:
        super().__init__(**uvicorn)
        self.access_log = False
        self.is_between_messages = True

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Read no further while requests are in line.

        uvicorn reads on after every answer, so one client that sends and sends fills the memory.
        """
        super().connection_made(transport)
        self.flow = _Patience(transport, self.pipeline)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the timer, too; after a reset uvicorn's would keep all of this for two minutes."""
        self._unset_keepalive_if_required()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Stay with HTTP/1.1, whatever else a client would like.

        Java's clients ask for HTTP/2 (`Upgrade: h2c`) with their first request, body and all;
        httptools takes that body for the next request.
        """
        if self.is_between_messages and (b"pgrade:" in data or b"PGRADE:" in data):
            head, end, rest = data.partition(b"\r\n\r\n")
            data = _OTHER_PROTOCOL.sub(b"", head) + end + rest
        super().data_received(data)

    def on_message_begin(self) -> None:
        """Note that a request has begun."""
        self.is_between_messages = False
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Take no more headers: what a chunked body has after its end is for nobody.

        Where a wish for another protocol came in pieces, this answer is the last: which byte
        begins the next request is not known.
        """
        super().on_headers_complete()
        self.headers = []
        if self.parser.should_upgrade() and not self._should_upgrade():
            self.cycle.keep_alive = False

    def on_message_complete(self) -> None:
        """Note that the request is there whole."""
        self.is_between_messages = True
        super().on_message_complete()

    def _unsupported_upgrade_warning(self) -> None:
        """Read no further."""
        self.flow.pause_reading()


class _Patience(FlowControl):
    """Lets the connection be read only while nothing is in line."""

    def __init__(self, transport: asyncio.Transport, line: Sized) -> None:
        super().__init__(transport)
        self._line = line

    def resume_reading(self) -> None:
        """Read on, unless somebody waits."""
        if not self._line:
            super().resume_reading()
