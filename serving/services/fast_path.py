"""The way of a prediction over HTTP through the server: from ASGI to the model and back.

It stands in front of everything that BentoML puts around a service (tracing, access log, metrics
by raw path, a timer per request), since that costs several times what a small model does. What
is no prediction goes on to the application behind it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from time import perf_counter
from typing import Any

from serving.runtime.protocols.wire import WireAnswer, WireRequest
from serving.services.asgi import (
    WHOLE_ANSWER,
    AsgiApp,
    AsgiReceive,
    AsgiScope,
    AsgiSend,
    Headers,
    read_body,
)
from serving.services.exchange import Exchange
from serving.services.http_connection import CALLER_GONE
from serving.services.keys import Scope
from serving.services.logs import request_id
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
        is_post = scope["type"] == "http" and scope["method"] == "POST"
        route = find_route(scope["path"]) if is_post else None
        if route is None:
            await self._other(scope, receive, send)
            return
        headers = dict(scope["headers"])
        exchange = Exchange(route, request_id(headers), perf_counter())
        try:
            answer = await self._predict(exchange, headers, receive)
        except asyncio.CancelledError as cancelled:
            answer = _refused(exchange, _why(cancelled))
        except Exception as failure:  # noqa: BLE001 (a model is anybody's code: it may raise anything)
            answer = _refused(exchange, failure)
        await _send(answer, exchange.request_id, scope, send)
        self._server.journal.record(exchange, headers)

    async def _predict(
        self, exchange: Exchange, headers: Headers, receive: AsgiReceive
    ) -> WireAnswer:
        server, route = self._server, exchange.route
        server.keys.check(headers, Scope.PREDICT)
        model = exchange.model = server.models.find(route.model, route.version)
        body = await read_body(headers, receive, self._largest_body)
        started = perf_counter()
        question = route.protocol.read(_wire_request(route, headers, body), model)
        exchange.rows = question.rows.count
        outputs = await model.answer(question.rows)
        answer = route.protocol.write(question, outputs, model)
        model.metrics.answered(route.protocol.name, exchange.rows, perf_counter() - started)
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
    headers = [
        (b"content-type", answer.content_type.encode()),
        (b"content-length", b"%d" % len(answer.body)),
        (b"x-request-id", request),
    ]
    for name, value in answer.headers:
        headers.append((name.lower().encode(), value.encode()))
    send_whole = scope.get("extensions", _NONE).get(WHOLE_ANSWER)
    if send_whole is not None and send_whole(answer.status, headers, answer.body):
        return
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
