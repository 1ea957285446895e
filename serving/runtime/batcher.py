"""Lets many requests share a model that can do one thing at a time.

The batch is natural: while the model computes, requests queue, and the queue is its next call.
There is no timer, so an idle model answers at once and a busy one takes as many rows at a time as
came meanwhile. A quick call is made on the event loop itself, without even a future where nobody
else asks, because handing it to a thread costs more than the call; the others run in a thread of
the model's own.

A request with more rows than one call should have is cut into pieces that take turns: behind each
piece, everybody who came meanwhile goes first. So a thousand rows delay their neighbours by one
call, not by all of theirs, and still get on with every round.

Past saturation a request is refused when it comes, before anything was computed for it, if those
in the queue would keep it waiting for too long; all others are answered in the order they came.
Only what is still wanted counts: callers who go away free their place at once.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from time import perf_counter
from typing import Protocol

from serving.runtime.engines.engine import Outputs
from serving.runtime.errors import ModelAnswerError, OverloadedError
from serving.runtime.outputs import merged_outputs, split_outputs
from serving.runtime.pace import Pace
from serving.runtime.rows import Rows, joined

_LONG_S = 0.1
"""Rows that would make a call this much longer wait for the next one: calls must stay short."""
_SHORTEST_S = 1e-6
_ROUND_WEIGHT = 0.5
"""How far one round moves what is known of rounds towards what it showed."""
_LONGEST_ROUND = 4.0
"""What one round can show at most, times its call."""

Compute = Callable[[Rows], Outputs]
Answer = Outputs | Exception


@dataclass(frozen=True, slots=True)
class QueueLimits:
    """How much is computed at once, and how much may wait."""

    batch_rows: int = 256
    wait_s: float = 1.0
    """A request that those in the queue would keep waiting for longer is refused."""
    queue_bytes: int = 64 * 2**20
    linger_s: float = 0.0
    """How long the first of a batch waits for more; worth it where a call costs a GPU's launch."""


class BatchObserver(Protocol):
    """Is told on the event loop's thread what the batcher does."""

    def called(self, rows: int) -> None:
        """Note that the model was called with so many rows."""
        ...

    def waited(self, seconds: float) -> None:
        """Note how long rows were queued before their call."""
        ...


class _Request:
    """One caller's rows in pieces, of which at most one at a time is in the queue."""

    __slots__ = ("answered", "future", "pieces", "queued_at", "queued_rows", "size_bytes")

    def __init__(self, pieces: Sequence[Rows], size_bytes: int) -> None:
        self.pieces = deque(pieces)
        self.size_bytes = size_bytes
        self.answered: list[Outputs] = []
        self.future: asyncio.Future[Outputs] = asyncio.get_running_loop().create_future()
        self.queued_at = 0.0
        self.queued_rows = 0


class NaturalBatcher:
    """The only way to one model in this process; belongs to one event loop."""

    def __init__(
        self, compute: Compute, pace: Pace, limits: QueueLimits, observer: BatchObserver
    ) -> None:
        self._compute = compute
        self._pace = pace
        self._limits = limits
        self._observer = observer
        quick_rows = min(pace.quick_rows, limits.batch_rows)
        self._quick_rows = 0 if limits.linger_s else quick_rows
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="model")
        self._queue: deque[_Request] = deque()
        self._queued_rows = 0
        self._held_bytes = 0
        self._round_per_call = 1.0
        """How long a round is, measured in its call: a busy event loop begins the next one late."""
        self._drain_task: asyncio.Task[None] | None = None
        self._more_came = asyncio.Event()

    @property
    def is_quick(self) -> bool:
        """True while one row would be answered on the spot."""
        return self._quick_rows > 0 and self._drain_task is None

    def answer_at_once(self, rows: Rows) -> Outputs | None:
        """Answer the rows on the spot, or None when they have to wait."""
        if rows.count > self._quick_rows or self._drain_task is not None:
            return None
        return self._answer_here(rows)

    async def answer(self, rows: Rows, *, is_alone: bool = True) -> Outputs:
        """Answer the rows, alone or with others; raise OverloadedError or what the model raises.

        Where others are about to ask (not `is_alone`) even a quick call waits for them: one for
        all costs little more than one for each. Cancelling it takes the rows out of the queue; a
        call in progress is not interrupted.
        """
        outputs = self.answer_at_once(rows) if is_alone else None
        if outputs is not None:
            return outputs
        request = self._admitted(rows)
        try:
            self._enqueue(request)
            return await request.future
        finally:
            self._leave_queue(request)
            self._held_bytes -= request.size_bytes

    @property
    def is_full(self) -> bool:
        """True when the queue means too long a wait to whoever comes now."""
        return self._wait_s > self._limits.wait_s

    async def idle(self) -> None:
        """Wait until nothing is queued and the model computes nothing."""
        if self._drain_task is not None:
            await asyncio.wait([self._drain_task])

    def _answer_here(self, rows: Rows) -> Outputs:
        started = perf_counter()
        outputs = self._compute(rows)
        self._pace.observe(rows.count, perf_counter() - started)
        self._observer.called(rows.count)
        return outputs

    # Coming in.

    def _admitted(self, rows: Rows) -> _Request:
        if self.is_full:
            raise self._overloaded()
        size = rows.size_bytes
        if self._held_bytes and self._held_bytes + size > self._limits.queue_bytes:
            raise self._overloaded()
        self._held_bytes += size
        return _Request(_pieces(rows, self._batch_rows), size)

    def _overloaded(self) -> OverloadedError:
        calls = 1 + self._queued_rows // self._batch_rows
        return OverloadedError(self._pace.seconds(self._queued_rows, calls))

    @property
    def _wait_s(self) -> float:
        """The wait that the queue means to who comes now.

        The call in flight is not counted, nor the fixed cost of the next one: while there is
        room in the next call, the model is not saturated, however slow it is.
        """
        calls = self._queued_rows // self._batch_rows
        return self._round_per_call * self._pace.seconds(self._queued_rows, calls)

    @property
    def _batch_rows(self) -> int:
        return max(1, min(self._limits.batch_rows, int(self._pace.rows_within(_LONG_S))))

    def _enqueue(self, request: _Request) -> None:
        request.queued_at = perf_counter()
        request.queued_rows = request.pieces[0].count
        self._queued_rows += request.queued_rows
        self._queue.append(request)
        self._more_came.set()
        if self._drain_task is None:
            self._drain_task = asyncio.create_task(self._drain())

    def _leave_queue(self, request: _Request) -> None:
        self._queued_rows -= request.queued_rows
        request.queued_rows = 0

    # Going out.

    async def _drain(self) -> None:
        try:
            while self._queue:
                if self._limits.linger_s:
                    await self._linger()
                batch = self._next_batch()
                if batch:
                    await self._answer_batch(batch)
        finally:
            self._drain_task = None

    async def _linger(self) -> None:
        ends = self._queue[0].queued_at + self._limits.linger_s
        while self._queued_rows < self._batch_rows and (left := ends - perf_counter()) > 0:
            self._more_came.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._more_came.wait(), left)

    def _next_batch(self) -> list[_Request]:
        """Take from the queue what one call should have, and throw out whose caller has gone."""
        batch: list[_Request] = []
        rows, most, now = 0, self._batch_rows, perf_counter()
        while self._queue:
            request = self._queue[0]
            if not request.future.done():
                rows += request.pieces[0].count
                if batch and rows > most:
                    break
                batch.append(request)
                self._observer.waited(now - request.queued_at)
            self._leave_queue(self._queue.popleft())
        return batch

    async def _answer_batch(self, batch: Sequence[_Request]) -> None:
        pieces = [request.pieces.popleft() for request in batch]
        rows = sum(piece.count for piece in pieces)
        began = perf_counter()
        answers, seconds = await self._call(pieces, rows)
        self._learn_round(perf_counter() - began, seconds)
        if not any(isinstance(answer, Exception) for answer in answers):
            self._pace.observe(rows, seconds)
        self._observer.called(rows)
        for request, answer in zip(batch, answers, strict=True):
            self._deliver(request, answer)

    async def _call(self, pieces: Sequence[Rows], rows: int) -> tuple[list[Answer], float]:
        if rows <= self._quick_rows:
            await asyncio.sleep(0)  # those of the call before are sent their answers first
            return _timed_answers(self._compute, pieces)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, _timed_answers, self._compute, pieces)

    def _learn_round(self, round_s: float, call_s: float) -> None:
        shown = min(max(round_s / max(call_s, _SHORTEST_S), 1.0), _LONGEST_ROUND)
        self._round_per_call += (shown - self._round_per_call) * _ROUND_WEIGHT

    def _deliver(self, request: _Request, answer: Answer) -> None:
        if request.future.done():  # the caller went away during the call
            return
        if isinstance(answer, Exception):
            request.future.set_exception(answer)
            return
        request.answered.append(answer)
        if request.pieces:
            self._enqueue(request)
            return
        try:
            request.future.set_result(merged_outputs(request.answered))
        except ValueError as failure:
            words = "the model's answers to parts of the rows don't fit together"
            request.future.set_exception(ModelAnswerError(f"{words}: {failure}"))


def _pieces(rows: Rows, most: int) -> list[Rows]:
    if rows.count <= most:
        return [rows]
    starts = range(0, rows.count, most)
    return [rows.part(start, min(start + most, rows.count)) for start in starts]


def _timed_answers(compute: Compute, pieces: Sequence[Rows]) -> tuple[list[Answer], float]:
    started = perf_counter()
    answers = answers_apart(compute, pieces)
    return answers, perf_counter() - started


def answers_apart(compute: Compute, pieces: Sequence[Rows]) -> list[Answer]:
    """Compute all pieces in one call, and give each its own outputs or its own failure.

    A call that fails is made again in halves, so that one odd row fails nobody but its caller,
    at the price of a few calls and not of one for each.
    """
    try:
        outputs = compute(joined(pieces))
        return list(split_outputs(outputs, [piece.count for piece in pieces]))
    except Exception as failure:  # noqa: BLE001 (a model is anybody's code: it may raise anything)
        if len(pieces) == 1:
            return [_deliverable(failure)]
    half = len(pieces) // 2
    return [*answers_apart(compute, pieces[:half]), *answers_apart(compute, pieces[half:])]


def _deliverable(failure: Exception) -> Exception:
    # The one exception that a future refuses to carry.
    if isinstance(failure, StopIteration):
        return ModelAnswerError("the model stopped with StopIteration")
    return failure
