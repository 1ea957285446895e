"""A connection that speaks HTTP/1.1: uvicorn's own, and what a model server needs beside it.

While the backlog or a model's queue is full it refuses predictions without parsing them. It sends
an answer that is whole in one piece: two writes are two wake-ups for a client. A prediction that
comes while nobody waits is answered as soon as its body is there, without a task. It ends the
prediction of a caller who has gone. And when the server stops, a client hears so from an answer
before it's cut off.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from functools import partial
from typing import Any, Protocol

from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    RequestResponseCycle,
)

from serving.services.asgi import WHOLE_ANSWER, AsgiScope, SendWhole
from serving.services.backlog import Backlog
from serving.services.drain import Drain
from serving.services.mended_uvicorn import MendedConnection

CALLER_GONE = "the caller has gone"
"""Why a prediction's task is cancelled."""
_SHORT_BODY = 16_384
"""Bytes that are read twice without much ado, should the answer have to wait after all."""
_LONGEST_LENGTH = 18
"""Digits that say how long a body is; Python takes offence at thousands."""
LINGER_S = 0.5
"""How long an idle connection of a server that stops may still bring a request."""


class Predictions(Protocol):
    """What a connection has to know of the application behind it."""

    def are_asked_at(self, path: str) -> bool:
        """Tell whether a POST to `path` asks for a prediction."""
        ...

    def is_queue_full_at(self, path: str) -> bool:
        """Tell whether the model that a POST to `path` asks would refuse it for its queue."""
        ...

    def answer_at_once(self, scope: AsgiScope, body: bytes, send_whole: SendWhole) -> bool:
        """Answer a prediction that needn't wait; False, with nothing done, for anything else."""
        ...

    def refusal(self, path: str) -> bytes | None:
        """Return the whole HTTP answer that sheds a prediction; None where none is asked for."""
        ...


class HttpConnection(MendedConnection):
    """An HTTP/1.1 connection."""

    def __init__(
        self, *, backlog: Backlog, drain: Drain, predictions: Predictions, **uvicorn: Any
    ) -> None:
        super().__init__(**uvicorn)
        self._backlog = backlog
        self._drain = drain
        self._predictions = predictions
        self._current: RequestResponseCycle | None = None
        self._task: asyncio.Task[None] | None = None
        self._joined_at = 0.0
        self._has_begun = False
        self._is_answering = False
        self._is_reading = False
        self._held: tuple[RequestResponseCycle, Any] | None = None

    def data_received(self, data: bytes) -> None:
        """Refuse a request that came whole while there are too many; else go on as uvicorn does."""
        backlog = self._backlog
        if backlog.is_full or backlog.suspects_a_full_queue:
            refusal = self._refusal(data)
            if refusal is not None:
                self._refuse(refusal)
                return
        self._is_reading = True
        super().data_received(data)
        self._is_reading = False
        if self._held is not None:  # its body is still to come
            self._start_held()

    def on_message_complete(self) -> None:
        """Answer a held prediction, now that its body is there."""
        super().on_message_complete()
        if self._held is not None and not self._answer_at_once(self._held[0]):
            self._start_held()
        self._held = None

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop working for a caller who has gone; slow models would never get to the others."""
        current, task = self._current, self._task
        if current is None or task is None or current.response_complete:
            super().connection_lost(exc)
            return
        current.disconnected = True  # uvicorn tells only the newest of several that came together
        super().connection_lost(exc)
        is_at_work = self._has_begun and not self._is_answering and not current.response_started
        if is_at_work and self._is_prediction(current):
            task.cancel(CALLER_GONE)

    def shutdown(self) -> None:
        """Close once what is on its way has been answered.

        A request that is sent just now is answered, too; its answer says that this was the last.
        """
        if self._is_at_work():
            self.cycle.keep_alive = False
        else:
            self.loop.call_later(LINGER_S, self._close_after_work)

    def _refusal(self, data: bytes) -> bytes | None:
        path = path_of_whole_post(data)
        if path is None or self._is_at_work() or not self.is_between_messages:
            return None
        if self._backlog.is_full or self._predictions.is_queue_full_at(path):
            return self._predictions.refusal(path)
        return None

    def _refuse(self, refusal: bytes) -> None:
        self._unset_keepalive_if_required()
        self.transport.write(refusal)
        self.timeout_keep_alive_task = self.loop.call_later(
            self.timeout_keep_alive, self.timeout_keep_alive_handler
        )

    def _is_at_work(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _close_after_work(self) -> None:
        if self._is_at_work():
            self.cycle.keep_alive = False
        elif not self.transport.is_closing():
            self.transport.close()

    def _is_prediction(self, cycle: RequestResponseCycle) -> bool:
        scope = cycle.scope
        return scope["method"] == "POST" and self._predictions.are_asked_at(scope["path"])

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._unset_keepalive_if_required()
        self._is_answering = False
        if self._may_be_answered_at_once(cycle, app):
            self._held = (cycle, app)
        else:
            self._start_task(cycle, app)

    def _may_be_answered_at_once(self, cycle: RequestResponseCycle, app: Any) -> bool:
        is_being_read = self._is_reading and cycle is self.cycle and cycle.more_body
        if not is_being_read or cycle.waiting_for_100_continue or app is not self.app:
            return False
        return self._is_prediction(cycle) and self._backlog.may_jump_in(self.loop)

    def _answer_at_once(self, cycle: RequestResponseCycle) -> bool:
        if self.flow.write_paused or len(cycle.body) > _SHORT_BODY:
            return False
        self._current = cycle
        return self._predictions.answer_at_once(
            cycle.scope,  # type: ignore[arg-type]
            bytes(cycle.body),
            self._send_whole,
        )

    def _start_held(self) -> None:
        assert self._held is not None
        cycle, app = self._held
        self._held = None
        self._start_task(cycle, app)

    def _start_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._joined_at = self._backlog.joined()
        self._has_begun = False
        cycle.scope["extensions"] = {WHOLE_ANSWER: self._send_whole}  # type: ignore[dict-item]
        self._current = cycle
        self._task = self.loop.create_task(cycle.run_asgi(partial(self._begin, app)))
        self._task.add_done_callback(self.tasks.discard)
        self.tasks.add(self._task)

    def _begin(self, app: Any, scope: Any, receive: Any, send: Any) -> Any:
        cycle = self._current
        assert cycle is not None
        self._has_begun = True
        is_in_time = self._backlog.begun(self._joined_at)
        if self.transport.is_closing() and self._is_prediction(cycle):
            cycle.disconnected = True
            return _nothing()
        if not is_in_time and cycle.keep_alive and self._is_prediction(cycle):
            return self._refuse_late(cycle)
        return app(scope, receive, send)

    async def _refuse_late(self, cycle: RequestResponseCycle) -> None:
        refusal = self._predictions.refusal(cycle.scope["path"])
        assert refusal is not None
        self._complete(cycle, refusal)

    def _send_whole(self, status: int, headers: Iterable[tuple[bytes, bytes]], body: bytes) -> bool:
        """Answer the current request at once; False when that has to wait for a slow client.

        The headers must be fit to be sent: uvicorn, which looks at each, is passed by.
        """
        cycle = self._current
        assert cycle is not None
        self._is_answering = True
        if self.flow.write_paused:
            return False
        if self._drain.is_draining:
            cycle.keep_alive = False
        parts = [STATUS_LINE[status]]
        for name, value in (*cycle.default_headers, *headers):
            parts += (name, b": ", value, b"\r\n")
        parts += (b"\r\n" if cycle.keep_alive else b"connection: close\r\n\r\n", body)
        self._complete(cycle, b"".join(parts))
        return True

    def _complete(self, cycle: RequestResponseCycle, answer: bytes) -> None:
        cycle.response_started = cycle.response_complete = True
        cycle.message_event.set()
        if cycle.disconnected:
            return
        self.transport.write(answer)
        if not cycle.keep_alive:
            self.transport.close()
        cycle.on_response()


async def _nothing() -> None:
    """Answer a caller who left before it was their turn."""


def path_of_whole_post(data: bytes) -> str | None:
    """Return the path when `data` is exactly one plain POST request, head and body."""
    head, _, body = data.partition(b"\r\n\r\n")
    line, _, fields = head.lower().partition(b"\r\n")
    if line[:6] != b"post /" or line[-9:] != b" http/1.1":
        return None
    fields = b"\r\n" + fields + b"\r\n"
    if b"\r\nconnection: close" in fields or b"\r\ntransfer-encoding:" in fields:
        return None
    length = fields.partition(b"\r\ncontent-length:")[2].partition(b"\r\n")[0].strip()
    if not length.isdigit() or len(length) > _LONGEST_LENGTH or int(length) != len(body):
        return None
    return head[5 : len(line) - 9].partition(b"?")[0].decode("latin-1")
