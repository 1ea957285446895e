"""The calls that are on their way, so that closing a client cuts none of them off."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Condition

from serving.client.errors import Circumstances, ClosedClientError

_CLOSED = "the client was closed; make a new one"


class CallsInFlight:
    """Counts the calls of threads."""

    def __init__(self) -> None:
        self._count = 0
        self._is_closed = False
        self._changed = Condition()

    @contextmanager
    def holding(self, request_id: str) -> Iterator[None]:
        """Hold one call; ClosedClientError once `close` was called."""
        with self._changed:
            if self._is_closed:
                raise ClosedClientError(_CLOSED, Circumstances(request_id))
            self._count += 1
        try:
            yield
        finally:
            with self._changed:
                self._count -= 1
                self._changed.notify_all()

    def close(self, wait_s: float) -> None:
        """Let no new call begin, and wait for those in flight; may be called twice."""
        with self._changed:
            self._is_closed = True
            self._changed.wait_for(lambda: self._count == 0, wait_s)


class AsyncCallsInFlight:
    """Counts the calls of tasks."""

    def __init__(self) -> None:
        self._count = 0
        self._is_closed = False
        self._idle = asyncio.Event()
        self._idle.set()

    @contextmanager
    def holding(self, request_id: str) -> Iterator[None]:
        """Hold one call; ClosedClientError once `close` was called."""
        if self._is_closed:
            raise ClosedClientError(_CLOSED, Circumstances(request_id))
        self._count += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._count -= 1
            if not self._count:
                self._idle.set()

    async def close(self, wait_s: float) -> None:
        """Let no new call begin, and wait for those in flight; may be called twice."""
        self._is_closed = True
        with suppress(TimeoutError):
            await asyncio.wait_for(self._idle.wait(), wait_s)
