"""A model whose calls a test holds and lets go, and rows that can be told apart."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Sequence

import numpy as np

from serving.runtime.engines.engine import Outputs
from serving.runtime.pace import Pace
from serving.runtime.rows import Rows

BAD = -1.0
PATIENCE_S = 20


class HeldModel:
    """Answers each row with its first cell; raises where that is BAD.

    Each call waits for `let_go`, unless the model is open. `calls` has the first cells of the
    rows of every call.
    """

    def __init__(self, *, is_open: bool = False) -> None:
        self.calls: list[list[float]] = []
        self.threads: set[int] = set()
        self.at_once = 0
        self.most_at_once = 0
        self._is_open = is_open
        self._started: queue.Queue[None] = queue.Queue()
        self._gate = threading.Semaphore(0)

    def __call__(self, rows: Rows) -> Outputs:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        self.threads.add(threading.get_ident())
        self.calls.append([row[0] for row in rows.cells])
        self._started.put(None)
        if not self._is_open:
            assert self._gate.acquire(timeout=PATIENCE_S)
        self.at_once -= 1
        if BAD in self.calls[-1]:
            raise ValueError("a bad row")
        return {"predictions": np.array(self.calls[-1])}

    @property
    def sizes(self) -> list[int]:
        return [len(call) for call in self.calls]

    async def started(self) -> None:
        """Wait for the next call to begin."""
        await asyncio.to_thread(self._started.get, timeout=PATIENCE_S)

    def let_go(self, calls: int = 1) -> None:
        self._gate.release(calls)

    def open(self) -> None:
        self._is_open = True
        self.let_go(1000)


class FixedPace(Pace):
    """A pace that a test may calculate with: it learns nothing."""

    def observe(self, rows: int, seconds: float) -> None:
        pass


class Counted:
    """What a batcher told."""

    def __init__(self) -> None:
        self.rows: list[int] = []
        self.waits: list[float] = []

    def called(self, rows: int) -> None:
        self.rows.append(rows)

    def waited(self, seconds: float) -> None:
        self.waits.append(seconds)


def rows_of(*first_cells: float) -> Rows:
    return Rows(cells=[[cell, "x"] for cell in first_cells])


def predictions(outputs: Outputs) -> list[float]:
    return [float(value) for value in outputs["predictions"]]


async def settle() -> None:
    """Let everything run that can run now."""
    for _ in range(5):
        await asyncio.sleep(0)


async def results_of(
    tasks: Sequence[asyncio.Task[Outputs]],
) -> list[Outputs | BaseException]:
    return list(await asyncio.gather(*tasks, return_exceptions=True))
