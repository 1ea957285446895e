"""Everything that is no prediction: probes, metadata, the API's description, the admin API.

A small Starlette application in front of BentoML's. What neither of them knows ends here, since
BentoML would count each unknown path as a metric of its own.
"""

from __future__ import annotations

from collections.abc import Sequence

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send

from serving.runtime.engines.gpu_gauges import note_gpu
from serving.runtime.errors import UnknownModelError
from serving.services.home_page import HOME
from serving.services.model_server import ModelServer
from serving.services.routes import find_route
from serving.services.turned_away import TurnedAwayError

_PROBES = {
    **dict.fromkeys(("/livez", "/healthz", "/health/live"), "/livez"),
    **dict.fromkeys(("/readyz", "/ready", "/health/ready"), "/readyz"),
}
"""The names that people use for the probes, and BentoML's own, which know of people's hooks."""


class SideApp:
    """An ASGI application; what it doesn't answer itself it leaves to `bentoml`."""

    def __init__(
        self, server: ModelServer, bentoml: Starlette, routes: Sequence[BaseRoute]
    ) -> None:
        self._server = server
        self._bentoml = bentoml
        self._own = Starlette(routes=routes, exception_handlers=_HANDLERS)
        self._own.state.server = server

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or hand on."""
        if scope["type"] == "http":
            await self._answer(scope, receive, send)
        else:
            await self._bentoml(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        probe = _PROBES.get(path)
        if probe == "/readyz" and not self._server.is_ready:
            await JSONResponse({"status": "stopping"}, 503)(scope, receive, send)
        elif probe is not None:
            await self._bentoml({**scope, "path": probe}, receive, send)
        elif self._leaves_to_bentoml(scope):
            self._prepare(path)
            await self._bentoml(scope, receive, send)
        elif self._server.answers_predictions and find_route(path) is not None:
            error = {"error": f"send a prediction to {path[:200]} as a POST"}
            await JSONResponse(error, 405, {"allow": "POST"})(scope, receive, send)
        else:
            await self._own(scope, receive, send)

    def _leaves_to_bentoml(self, scope: Scope) -> bool:
        """BentoML's page at `/` loads scripts from elsewhere, so our services have their own."""
        is_ours = scope["path"] == HOME and self._server.answers_predictions
        return not is_ours and _knows(self._bentoml, scope)

    def _prepare(self, path: str) -> None:
        """Let what was counted since the last time be there when the metrics are read."""
        if path == "/metrics":
            note_gpu()
            for model in self._server.models.all():
                model.metrics.flush()


def _knows(app: Starlette, scope: Scope) -> bool:
    return any(route.matches(scope)[0] is not Match.NONE for route in app.routes)


def _refused(request: Request, refused: Exception) -> JSONResponse:
    assert isinstance(refused, HTTPException)
    sentence = refused.detail
    if refused.status_code == 404:
        sentence = f"there is no {request.url.path[:200]} here; see /openapi.json"
    return JSONResponse({"error": sentence}, refused.status_code, refused.headers)


def _turned_away(request: Request, refused: Exception) -> JSONResponse:
    assert isinstance(refused, TurnedAwayError)
    return JSONResponse({"error": refused.sentence}, refused.status, dict(refused.headers))


def _unknown_model(request: Request, refused: Exception) -> JSONResponse:
    return JSONResponse({"error": str(refused)}, 404)


_HANDLERS = {
    HTTPException: _refused,
    TurnedAwayError: _turned_away,
    UnknownModelError: _unknown_model,
}
