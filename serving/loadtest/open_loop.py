"""Loads one server on this machine's loopback, as fast as asyncio can, over kept connections.

`OpenLoop` asks at a rate that does not depend on the answers; `ClosedLoop` asks again as soon as
it has an answer. Both send requests that were made beforehand and read no more of an answer than
its status and its end, so that one core can overload a server on another.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from array import array
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

NO_ANSWER = 0
PATIENCE_S = 1.0
"""An answer that takes longer is of no use to its caller."""
_TICK_S = 0.001


@dataclass(frozen=True, slots=True)
class Ask:
    """A whole HTTP request, and the status that is right for it."""

    wire: bytes
    status: int = 200


Note = Callable[[Ask, int, float], None]
"""Is told of each request: its status, or NO_ANSWER, and the seconds that it took."""


def post(path: str, body: bytes, **headers: str) -> bytes:
    """Return a POST of JSON as one piece of bytes; in names of headers `_` stands for `-`."""
    named = {"host": "here", "content-type": "application/json", **headers}
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in named.items()]
    head = [f"POST {path} HTTP/1.1", *lines, f"content-length: {len(body)}"]
    return "\r\n".join([*head, "", ""]).encode() + body


class Outcome:
    """Counts what came of requests; `note` is a Note."""

    def __init__(self) -> None:
        self.good = 0
        self.late = 0
        self.wrong = 0
        """Another status than the right one, or none."""
        self.statuses: Counter[int] = Counter()
        self.seconds = array("d")
        """What each right answer took."""

    def note(self, ask: Ask, status: int, seconds: float) -> None:
        """Count one request; right and in time is good."""
        self.statuses[status] += 1
        if status != ask.status:
            self.wrong += 1
            return
        self.seconds.append(seconds)
        if seconds > PATIENCE_S:
            self.late += 1
        else:
            self.good += 1

    def latency_ms(self, share: float) -> float:
        """Return the latency that this share of the right answers did not exceed."""
        ordered = sorted(self.seconds)
        return 1000 * ordered[int(share * (len(ordered) - 1))] if ordered else float("nan")


class _Pool:
    """Connections to one server; one that the server ends is replaced."""

    def __init__(self, port: int, asks: Sequence[Ask], note: Note) -> None:
        self.sent = 0
        self.noted = 0
        self.is_open = False
        self._port = port
        self._asks = itertools.cycle(asks)
        self._note = note
        self._connections: set[_Connection] = set()
        self._opening: set[asyncio.Task[None]] = set()

    async def open(self, connections: int) -> None:
        """Connect so often, a few dozen at a time: a listener's queue is short."""
        self.is_open = True
        for start in range(0, connections, 64):
            some = range(start, min(start + 64, connections))
            await asyncio.gather(*(self._connect() for _ in some))

    async def finish(self) -> None:
        """Ask nothing more; wait for answers, as long as a caller would, and close all.

        What is still not answered then is noted as such.
        """
        self.is_open = False
        ends = time.perf_counter() + PATIENCE_S
        while self.noted < self.sent and time.perf_counter() < ends:
            await asyncio.sleep(_TICK_S)
        for task in self._opening:
            task.cancel()
        for connection in [*self._connections]:
            connection.end()
        while self._connections:
            await asyncio.sleep(0)

    def answered(self, connection: _Connection, ask: Ask, status: int, seconds: float) -> None:
        """Note an answer; the connection may be used again when it is still open."""
        self.noted += 1
        self._note(ask, status, seconds)
        if connection in self._connections and self.is_open:
            self.freed(connection)

    def lost(self, connection: _Connection) -> None:
        """Connect again; hearing of it twice is hearing of it once."""
        if connection in self._connections and self.is_open:
            task = asyncio.get_running_loop().create_task(self._connect_again())
            self._opening.add(task)
            task.add_done_callback(self._opening.discard)
        self._connections.discard(connection)

    def freed(self, connection: _Connection) -> None:
        """Take note of a connection that nothing is asked on."""
        raise NotImplementedError

    def _ask(self, connection: _Connection) -> None:
        self.sent += 1
        connection.ask(next(self._asks))

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        made = await loop.create_connection(lambda: _Connection(self), "127.0.0.1", self._port)
        self._connections.add(made[1])
        self.freed(made[1])

    async def _connect_again(self) -> None:
        while self.is_open:
            try:
                await self._connect()
                return
            except OSError:
                await asyncio.sleep(0.1)


class OpenLoop(_Pool):
    """Asks at `rate` per second on average, at random times; `rate` may be changed meanwhile."""

    def __init__(self, port: int, asks: Sequence[Ask], note: Note, rate: float) -> None:
        super().__init__(port, asks, note)
        self.rate = rate
        self.unsent = 0
        """Requests that were due while all connections waited for answers."""
        self._free: list[_Connection] = []

    async def run(self, seconds: float, connections: int) -> None:
        """Open connections and ask for so long; then wait as long as a caller would."""
        await self.open(connections)
        await self.ask_for(seconds)
        await self.finish()

    async def ask_for(self, seconds: float) -> None:
        """Ask for so long, on connections that are open."""
        due = now = time.perf_counter()
        ends = now + seconds
        while now < ends:
            while due <= now:
                self._ask_or_skip()
                due += random.expovariate(self.rate)
            await asyncio.sleep(max(_TICK_S, min(due, ends) - now))
            now = time.perf_counter()

    def freed(self, connection: _Connection) -> None:
        """Keep it for what is due next."""
        self._free.append(connection)

    def lost(self, connection: _Connection) -> None:
        """Don't ask on it any more."""
        if connection in self._free:
            self._free.remove(connection)
        super().lost(connection)

    def _ask_or_skip(self) -> None:
        if self._free:
            self._ask(self._free.pop())
        else:
            self.unsent += 1


class ClosedLoop(_Pool):
    """Asks on every connection again as soon as there is an answer."""

    async def run(self, seconds: float, connections: int) -> None:
        """Ask for so long."""
        await self.open(connections)
        await asyncio.sleep(seconds)
        await self.finish()

    def freed(self, connection: _Connection) -> None:
        """Ask again."""
        self._ask(connection)


class _Connection(asyncio.Protocol):
    def __init__(self, pool: _Pool) -> None:
        self._pool = pool
        self._data = b""
        self._asked_at = 0.0
        self._waiting: Ask | None = None
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]

    def ask(self, ask: Ask) -> None:
        self._asked_at, self._waiting = time.perf_counter(), ask
        self._transport.write(ask.wire)

    def end(self) -> None:
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        self._data = data = self._data + data if self._data else data
        head, end, body = data.partition(b"\r\n\r\n")
        fields = head.lower()
        length = fields.partition(b"content-length: ")[2].partition(b"\r\n")[0]
        if not end or len(body) < int(length):
            return
        self._data, status = b"", int(head[9:12])
        ask, self._waiting = self._waiting, None
        assert ask is not None
        if b"\r\nconnection: close" in fields:
            self._pool.lost(self)
        self._pool.answered(self, ask, status, time.perf_counter() - self._asked_at)

    def connection_lost(self, exc: Exception | None) -> None:
        self._pool.lost(self)
        if self._waiting is not None:
            took = time.perf_counter() - self._asked_at
            self._pool.answered(self, self._waiting, NO_ANSWER, took)
