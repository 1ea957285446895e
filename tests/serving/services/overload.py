"""Measures what a server does with twice the load that it can answer.

    python -m tests.serving.services.overload

The model is quick, so it answers on the event loop, where no queue can be counted. Good answers
are counted per second of the server's own CPU time: on a machine that others use, too, that
is what can be compared.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import sys
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection

import psutil
import uvloop

from serving.loadtest.open_loop import NO_ANSWER, Ask, OpenLoop, Outcome, post
from serving.runtime.batcher import QueueLimits
from serving.runtime.rows import Rows
from tests.serving.runtime.small_models import OneEngine, model_of
from tests.serving.services.small_site import site

ROWS = 8
ROW_S = 0.0001
CONNECTIONS = 400
WAIT_S = 0.1
"""Longer than this nobody should wait, and so many connections would."""


class BusyEngine(OneEngine):
    """Takes a tenth of a millisecond of CPU time for each row."""

    def outputs(self, rows: Rows) -> dict[str, object]:  # type: ignore[override]
        ends = time.thread_time() + ROW_S * rows.count
        while time.thread_time() < ends:
            pass
        return super().outputs(rows)


@dataclass(frozen=True)
class Measured:
    """One load and what came of it."""

    rate: float
    good_per_cpu_second: float
    good: int
    shed: int
    late: int
    unsent: int
    lost: int


def serve(port_to: Connection) -> None:
    """Serve until the parent ends this process."""

    async def forever() -> None:
        model = model_of(BusyEngine(), limits=QueueLimits(wait_s=WAIT_S))
        async with site(model, max_queue_seconds=WAIT_S) as here:
            port_to.send(here.port)
            await asyncio.Event().wait()

    uvloop.run(forever())


def measure(port: int, pid: int, rate: float, seconds: float) -> Measured:
    """Ask at a rate, from this process."""
    body = json.dumps({"input_data": {"features": [[1.0, 2.0]] * ROWS}}).encode()
    outcome = Outcome()
    load = OpenLoop(port, [Ask(post("/predict", body))], outcome.note, rate)
    before = _cpu_seconds(pid)
    uvloop.run(load.run(seconds, CONNECTIONS))
    used = _cpu_seconds(pid) - before
    return Measured(
        rate=rate,
        good_per_cpu_second=outcome.good / used,
        good=outcome.good,
        shed=outcome.statuses[429],
        late=outcome.late,
        unsent=load.unsent,
        lost=outcome.statuses[NO_ANSWER],
    )


def _cpu_seconds(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


def main() -> int:
    """Find what the server can answer, then ask for that, and for twice and four times as much."""
    receiver, sender = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(sender,))
    process.start()
    try:
        port, pid = receiver.recv(), process.pid or 0
        for _ in range(2):
            capacity = measure(port, pid, 5000, 3).good / 3
            for times in (0.8, 1, 2, 4):
                sys.stdout.write(f"x{times}: {measure(port, pid, capacity * times, 5)}\n")
    finally:
        process.terminate()
        process.join()
    return 0


if __name__ == "__main__":
    sys.exit(main())
