"""Asks a server at a rate that does not depend on its answers, over a fixed set of connections."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from typing import Any

PATIENCE_S = 1.0
"""An answer that takes longer is of no use to its caller."""


class OpenLoop:
    """One load; `good` are the answers with 200 that came in time."""

    def __init__(self, port: int, request: bytes, rate: float) -> None:
        self.sent = 0
        self.good = 0
        self.late = 0
        self.unsent = 0
        self.statuses: Counter[int] = Counter()
        self._port = port
        self._request = request
        self._rate = rate
        self._free: list[_Connection] = []

    async def run(self, seconds: float, connections: int) -> None:
        """Send for so long, then wait as long as a caller would."""
        loop = asyncio.get_running_loop()
        opened = [
            await loop.create_connection(lambda: _Connection(self), "127.0.0.1", self._port)
            for _ in range(connections)
        ]
        started = time.perf_counter()
        while (elapsed := time.perf_counter() - started) < seconds:
            while self.sent + self.unsent <= elapsed * self._rate:
                self._send()
            await asyncio.sleep(0.001)
        await asyncio.sleep(PATIENCE_S)
        for transport, _ in opened:
            transport.close()
        await asyncio.sleep(0)

    def _send(self) -> None:
        if not self._free:
            self.unsent += 1
            return
        self.sent += 1
        self._free.pop().ask(self._request)

    def freed(self, connection: _Connection) -> None:
        self._free.append(connection)

    def answered(self, status: int, seconds: float) -> None:
        self.statuses[status] += 1
        if seconds > PATIENCE_S:
            self.late += 1
        elif status == 200:
            self.good += 1


class _Connection(asyncio.Protocol):
    def __init__(self, load: OpenLoop) -> None:
        self._load = load
        self._data = b""
        self._asked_at = 0.0

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._load.freed(self)

    def ask(self, request: bytes) -> None:
        self._asked_at = time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._data += data
        head, end, body = self._data.partition(b"\r\n\r\n")
        length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
        if end and len(body) == int(length):
            self._data = b""
            self._load.answered(int(head[9:12]), time.perf_counter() - self._asked_at)
            self._load.freed(self)
