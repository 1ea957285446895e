"""What a server says of itself when it's asked whether it works: /health."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from serving.services.model_server import ModelServer


async def _health(request: Request) -> JSONResponse:
    status, fields = health(request.app.state.server)
    return JSONResponse(fields, status)


PROBE_ROUTES = (Route("/health", _health, methods=["GET", "POST"]),)
"""People's own services have them, too."""


def health(server: ModelServer) -> tuple[int, dict[str, Any]]:
    """Say whether requests are answered, and by which models: HTTP's status and the fields."""
    models = [model.identity for model in server.models.all()]
    fields: dict[str, Any] = {"status": "healthy", "revision": server.revision}
    if server.answers_predictions:
        fields["model_loaded"] = bool(models)
        fields["models_loaded"] = [identity.model_name for identity in models]
    if models:
        fields["model_name"] = models[0].model_name
        fields["model_version"] = models[0].model_version
    if server.drain.is_draining:
        return 503, fields | {"status": "stopping"}
    if server.answers_predictions and not models:
        return 503, fields | {"status": "no model is loaded"}
    return 200, fields
