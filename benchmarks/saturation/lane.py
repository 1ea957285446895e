"""One server under more load than it can answer: what becomes of it, and for whom."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import uvloop

from benchmarks.serving.models import batches
from benchmarks.serving.servers import Server
from benchmarks.serving.wires import WIRES
from serving.loadtest.open_loop import Ask, ClosedLoop, OpenLoop, Outcome, post

_CLOSED = 64
"""Connections of the closed loop that finds the peak."""
_CALM_MS = 100.0
"""A p99 over this within a tenth of a second is a trace of the overload."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One load on one server, and what came of it, per second."""

    server: str
    rows: int
    times: float
    """Of the peak; 0 for the closed loop that finds it."""
    asked: float
    good: float
    good_per_cpu_s: float
    shed: float
    late: float
    wrong: float
    """Neither right nor shed nor late, unanswered included."""
    unsent: float
    """Due while all connections waited."""
    p50_ms: float
    p99_ms: float
    generator_share: float


@dataclass(frozen=True, slots=True)
class Shared:
    """A greedy client and a modest one on one server: the share of their requests that was good."""

    server: str
    rows: int
    greedy: float
    modest: float
    modest_p99_ms: float


@dataclass(frozen=True, slots=True)
class Recovered:
    """How long after an overload ended requests were still shed, late or slow."""

    server: str
    rows: int
    seconds: float


class Lane:
    """One server under load; awake only inside of `awake`."""

    def __init__(self, server: Server, rows: int, connections: int) -> None:
        self.name = server.contender.name
        self.rows = rows
        self.connections = connections
        self._server = server
        wire = WIRES[server.contender.wires[0]]
        messages = [server.message(wire, batch) for batch in batches(server.job.folder, rows)]
        self.asks = [
            Ask(post(wire.path, message.body, **_with_underscores(message.headers)))
            for message in messages
        ]

    @property
    def port(self) -> int:
        """Where it answers."""
        return self._server.job.port

    @contextmanager
    def awake(self) -> Iterator[None]:
        """Let it run meanwhile."""
        self._server.thaw()
        try:
            yield
        finally:
            self._server.freeze()

    def peak(self, seconds: float) -> Measured:
        """Ask as fast as answers come."""
        outcome = Outcome()
        load = ClosedLoop(self.port, self.asks, outcome.note)
        return self._measured(0, seconds, outcome, load, lambda: load.run(seconds, _CLOSED))

    def at(self, times: float, peak: float, seconds: float) -> Measured:
        """Ask at so many times the peak."""
        outcome = Outcome()
        load = OpenLoop(self.port, self.asks, outcome.note, times * peak)
        return self._measured(
            times, seconds, outcome, load, lambda: load.run(seconds, self.connections)
        )

    def shared(self, peak: float, seconds: float) -> Shared:
        """Ask at twice the peak on most connections, and a tenth of it on the others."""
        greedy, modest = Outcome(), Outcome()
        loads = (
            (OpenLoop(self.port, self.asks, greedy.note, 2 * peak), self.connections * 9 // 10),
            (OpenLoop(self.port, self.asks, modest.note, peak / 10), self.connections // 10),
        )

        async def both() -> None:
            await asyncio.gather(*(load.run(seconds, connections) for load, connections in loads))

        uvloop.run(both())
        shares = [
            outcome.good / (load.sent + load.unsent)
            for outcome, (load, _) in zip((greedy, modest), loads, strict=True)
        ]
        return Shared(self.name, self.rows, *shares, modest.latency_ms(0.99))

    def recovered(self, peak: float, seconds: float) -> Recovered:
        """Ask at twice the peak, then at half of it, and see when all is well again."""
        bins: list[Outcome] = []
        calmed = [float("inf")]

        def note(ask: Ask, status: int, took: float) -> None:
            begun_after = time.perf_counter() - took - calmed[0]
            if begun_after >= 0:
                while len(bins) <= begun_after * 10:
                    bins.append(Outcome())
                bins[int(begun_after * 10)].note(ask, status, took)

        load = OpenLoop(self.port, self.asks, note, 2 * peak)

        async def up_and_down() -> None:
            await load.open(self.connections)
            await load.ask_for(seconds)
            load.rate, calmed[0] = peak / 2, time.perf_counter()
            await load.ask_for(seconds)
            await load.finish()

        uvloop.run(up_and_down())
        rough = [number for number, seen in enumerate(bins) if not _is_calm(seen)]
        return Recovered(self.name, self.rows, (max(rough) + 1) / 10 if rough else 0.0)

    def _measured(
        self, times: float, seconds: float, outcome: Outcome, load: Any, run: Callable[[], Any]
    ) -> Measured:
        cpu, own, began = self._server.cpu_s(), time.process_time(), time.monotonic()
        uvloop.run(run())
        cpu = self._server.cpu_s() - cpu
        own_share = (time.process_time() - own) / (time.monotonic() - began)
        shed = outcome.statuses[429]
        return Measured(
            server=self.name,
            rows=self.rows,
            times=times,
            asked=(load.sent + getattr(load, "unsent", 0)) / seconds,
            good=outcome.good / seconds,
            good_per_cpu_s=outcome.good / cpu,
            shed=shed / seconds,
            late=outcome.late / seconds,
            wrong=(outcome.wrong - shed) / seconds,
            unsent=getattr(load, "unsent", 0) / seconds,
            p50_ms=outcome.latency_ms(0.5),
            p99_ms=outcome.latency_ms(0.99),
            generator_share=own_share,
        )


def _with_underscores(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("-", "_"): value for name, value in headers.items()}


def _is_calm(seen: Outcome) -> bool:
    return not seen.wrong and not seen.late and not seen.latency_ms(0.99) > _CALM_MS
