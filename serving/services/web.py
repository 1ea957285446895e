"""The routes of a tabular service, as a small Starlette application.

They are mounted into BentoML's server instead of declared with `@bentoml.api`, because that
answers 500 to JSON of an odd shape, and a caller's mistake must never look like a bad model.
"""

from __future__ import annotations

from collections.abc import Callable

import anyio
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from serving.runtime.predictor import LARGEST_BODY, Predictor, Reply
from serving.runtime.probes import health, model_info

_JSON_TYPES = ("", "application/json")


def tabular_app() -> Starlette:
    """Return the application; the service puts its Predictor in `state.predictor`."""
    app = Starlette(
        routes=[
            Route("/predict", _predict, methods=["POST"]),
            Route("/health", _health, methods=["GET", "POST"]),
            Route("/model_info", _model_info, methods=["GET", "POST"]),
        ]
    )
    app.state.predictor = None
    # One prediction at a time: on one core two at once would only make both slower.
    app.state.one_at_a_time = anyio.CapacityLimiter(1)
    return app


async def _predict(request: Request) -> JSONResponse:
    state = request.app.state
    refusal = _refusal(request)
    if refusal is not None:
        return _response(refusal)
    body = await _read_body(request)
    if body is None:
        return _response(_TOO_LARGE)
    reply: Callable[[bytes], Reply] = state.predictor.reply
    async with state.one_at_a_time:
        # Work for callers who gave up waiting would make the next ones wait until they give up too.
        if await request.is_disconnected():
            return _response(_GONE)
        return _response(await anyio.to_thread.run_sync(reply, body))


_GONE = Reply(499, {"error": "the caller has gone"})
_TOO_LARGE = Reply(413, {"error": f"the body is larger than {LARGEST_BODY} bytes; send fewer rows"})


def _refusal(request: Request) -> Reply | None:
    media_type = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if media_type not in _JSON_TYPES:
        return Reply(415, {"error": f"send application/json, not {media_type[:80]}"})
    return None


async def _read_body(request: Request) -> bytes | None:
    """Return the body, or None once it is too large to go on reading."""
    parts, size = [], 0
    async for part in request.stream():
        parts.append(part)
        size += len(part)
        if size > LARGEST_BODY:
            return None
    return b"".join(parts)


async def _health(request: Request) -> JSONResponse:
    return _response(health(request.app.state.predictor))


async def _model_info(request: Request) -> JSONResponse:
    predictor: Predictor = request.app.state.predictor
    return _response(model_info(predictor))


def _response(reply: Reply) -> JSONResponse:
    return JSONResponse(reply.body, status_code=reply.status)
