"""An HTTP/2 client that does exactly what a test says, also what no gRPC library would."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import StreamEnded, StreamReset
from hyperframe.frame import GoAwayFrame

from serving.runtime.grpc.service import SERVICE
from tests.serving.runtime.grpc.servers import Running, point

HEADERS = [
    (":method", "POST"),
    (":scheme", "http"),
    (":authority", "here"),
    (":path", f"/{SERVICE}/ModelInfer"),
    ("content-type", "application/grpc"),
    ("te", "trailers"),
]
_MESSAGE = point().SerializeToString()
FRAMED = b"\x00" + len(_MESSAGE).to_bytes(4, "big") + _MESSAGE


class RawClient:
    """One connection; `streams` has the last headers of each stream that has ended."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.http = H2Connection(
            H2Configuration(validate_outbound_headers=False, normalize_outbound_headers=False)
        )
        self.http.initiate_connection()
        self.reader, self.writer = reader, writer
        self.told_to_go = False
        self._unread = b""
        self.ended: dict[int, dict[str, str]] = {}
        self._headers: dict[int, dict[str, str]] = {}

    def call(self, stream: int, data: bytes = FRAMED, *more: tuple[Any, Any]) -> None:
        """Begin a call; it goes out with the next `flush`."""
        self.http.send_headers(stream, [*HEADERS, *more])
        self.http.send_data(stream, data, end_stream=True)

    def flush(self) -> None:
        self.writer.write(self.http.data_to_send())

    async def hear(self) -> bool:
        """Take in what the server says, and answer pings; False when it has hung up."""
        data = await self.reader.read(65536)
        for event in self.http.receive_data(self._without_goaway(data)):
            stream = getattr(event, "stream_id", 0)
            for name, value in getattr(event, "headers", None) or ():
                self._headers.setdefault(stream, {})[name.decode()] = value.decode()
            if isinstance(event, (StreamEnded, StreamReset)):
                self.ended[stream] = self._headers.get(stream, {})
        self.flush()
        return bool(data)

    def _without_goaway(self, data: bytes) -> bytes:
        """Return the whole frames but GOAWAY, at which this library would end the connection."""
        self._unread += data
        kept = b""
        while len(self._unread) >= 9 and len(self._unread) >= (size := self._frame_size()):
            if self._unread[3] == GoAwayFrame.type:
                self.told_to_go = True
            else:
                kept += self._unread[:size]
            self._unread = self._unread[size:]
        return kept

    def _frame_size(self) -> int:
        return 9 + int.from_bytes(self._unread[:3], "big")

    async def hear_ends(self, *streams: int) -> list[dict[str, str]]:
        """Wait until these streams have ended; return their headers."""
        while not set(streams) <= set(self.ended):
            assert await self.hear(), "the server has hung up"
        return [self.ended[stream] for stream in streams]


@asynccontextmanager
async def raw_client(here: Running) -> AsyncIterator[RawClient]:
    """Connect, and wait until the server has said hello."""
    client = RawClient(*await asyncio.open_connection("127.0.0.1", here.port))
    client.flush()
    await client.hear()
    try:
        yield client
    finally:
        client.writer.close()
        await client.writer.wait_closed()
