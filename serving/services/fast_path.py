"""The way of a prediction over HTTP through the server: from ASGI to the model and back.

It stands in front of everything that BentoML puts around a service (tracing, access log, metrics
by raw path, a timer per request), since that costs several times what a small model does. What
is no prediction goes on to the application behind it.

A prediction that comes while nobody waits is answered where it was read, without even a task.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from time import perf_counter
from typing import Any

from serving.runtime.engines.engine import Outputs
from serving.runtime.errors import OverloadedError
from serving.runtime.protocols.wire import Question, WireAnswer, WireRequest
from serving.runtime.served_model import ServedModel
from serving.services.asgi import (
    WHOLE_ANSWER,
    AsgiApp,
    AsgiReceive,
    AsgiScope,
    AsgiSend,
    Headers,
    SendWhole,
    read_body,
)
from serving.services.exchange import Exchange
from serving.services.http_connection import CALLER_GONE
from serving.services.keys import Scope
from serving.services.model_server import ModelServer
from serving.services.refusals import refusal_of
from serving.services.routes import Route, find_route
from serving.services.turned_away import CallerGoneError, TurnedAwayError

_NONE: Mapping[str, Any] = {}


class FastPath:
    """An ASGI application that answers predictions and hands on everything else."""

    def __init__(self, server: ModelServer, other: AsgiApp) -> None:
        self._server = server
        self._other = other
        self._largest_body = server.settings.max_body_bytes

    async def __call__(self, scope: AsgiScope, receive: AsgiReceive, send: AsgiSend) -> None:
        """Answer first; then tell what happened where somebody wants to know."""
        exchange = _begun(scope)
        if exchange is None:
            await self._other(scope, receive, send)
            return
        try:
            answer = await self._predict(exchange, receive)
        except asyncio.CancelledError as cancelled:
            answer = _refused(exchange, _why(cancelled))
        except Exception as failure:  # noqa: BLE001 (a model is anybody's code: it may raise anything)
            answer = _refused(exchange, failure)
        await _send(answer, exchange.request_id, scope, send)
        self._server.journal.record(exchange)

    def answer_at_once(self, scope: AsgiScope, body: bytes, send_whole: SendWhole) -> bool:
        """Answer a prediction that needn't wait for anything, or refuse it.

        False when it has to wait or is no prediction; then nothing has happened yet.
        """
        exchange = _begun(scope)
        if exchange is None:
            return False
        try:
            answer = self._predict_at_once(exchange, body)
        except Exception as failure:  # noqa: BLE001 (a model is anybody's code: it may raise anything)
            answer = _refused(exchange, failure)
        if answer is None:
            return False
        send_whole(answer.status, _headers(answer, exchange.request_id), answer.body)
        self._server.journal.record(exchange)
        return True

    def _predict_at_once(self, exchange: Exchange, body: bytes) -> WireAnswer | None:
        if b"content-encoding" in exchange.headers or len(body) > self._largest_body:
            return None
        model = self._model_of(exchange)
        if not model.is_quick:
            return None
        started = perf_counter()
        question = _question(exchange, model, body)
        outputs = model.answer_at_once(question.rows)
        return None if outputs is None else _answered(exchange, question, outputs, started)

    async def _predict(self, exchange: Exchange, receive: AsgiReceive) -> WireAnswer:
        model = self._model_of(exchange)
        body = await read_body(exchange.headers, receive, self._largest_body)
        started, backlog = perf_counter(), self._server.backlog
        question = _question(exchange, model, body)
        try:
            outputs = await model.answer(question.rows, is_alone=not backlog.waiting)
        except OverloadedError:
            backlog.queue_was_full()
            raise
        return _answered(exchange, question, outputs, started)

    def _model_of(self, exchange: Exchange) -> ServedModel:
        self._server.keys.check(exchange.headers, Scope.PREDICT)
        route = exchange.route
        model = exchange.model = self._server.models.find(route.model, route.version)
        return model


def _begun(scope: AsgiScope) -> Exchange | None:
    if scope["type"] != "http" or scope["method"] != "POST":
        return None
    route = find_route(scope["path"])
    return None if route is None else Exchange.begun(route, dict(scope["headers"]))


def _question(exchange: Exchange, model: ServedModel, body: bytes) -> Question:
    route = exchange.route
    question = route.protocol.read(_wire_request(route, exchange.headers, body), model)
    exchange.rows = question.rows.count
    return question


def _answered(
    exchange: Exchange, question: Question, outputs: Outputs, started: float
) -> WireAnswer:
    model, protocol = exchange.model, exchange.route.protocol
    assert model is not None
    answer = protocol.write(question, outputs, model)
    model.metrics.answered(protocol.name, exchange.rows, perf_counter() - started)
    return answer


def _wire_request(route: Route, headers: Headers, body: bytes) -> WireRequest:
    content_type = headers.get(b"content-type", b"").decode("latin-1")
    if not route.protocol.headers:
        return WireRequest(body, content_type)
    named = ((name, headers.get(name.encode())) for name in route.protocol.headers)
    wanted = {name: value.decode("latin-1") for name, value in named if value is not None}
    return WireRequest(body, content_type, wanted)


def _refused(exchange: Exchange, failure: Exception) -> WireAnswer:
    refusal = refusal_of(failure)
    exchange.refused(refusal, failure)
    answer = exchange.route.protocol.refuse(refusal.status, refusal.sentence, refusal.path)
    return replace(answer, headers=answer.headers + refusal.headers)


def _why(cancelled: asyncio.CancelledError) -> Exception:
    """Tell a caller who left from a server that stops and can't wait any longer."""
    if cancelled.args == (CALLER_GONE,):
        return CallerGoneError()
    return TurnedAwayError(503, "the server is stopping; ask again")


async def _send(answer: WireAnswer, request: bytes, scope: AsgiScope, send: AsgiSend) -> None:
    headers = _headers(answer, request)
    send_whole: SendWhole | None = scope.get("extensions", _NONE).get(WHOLE_ANSWER)
    if send_whole is not None and send_whole(answer.status, headers, answer.body):
        return
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})


def _headers(answer: WireAnswer, request: bytes) -> list[tuple[bytes, bytes]]:
    headers = [
        (b"content-type", answer.content_type.encode()),
        (b"content-length", b"%d" % len(answer.body)),
        (b"x-request-id", request),
    ]
    for name, value in answer.headers:
        headers.append((name.lower().encode(), value.encode()))
    return headers
