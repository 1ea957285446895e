"""What can be read of the models and the server: /, /model_info, what each protocol tells."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from serving.runtime.protocols.invocations import ping, version
from serving.runtime.protocols.kserve_v1 import model_list, model_state
from serving.runtime.protocols.model_metadata import model_metadata
from serving.runtime.protocols.open_inference import (
    model_ready,
    server_live,
    server_metadata,
    server_ready,
)
from serving.runtime.protocols.wire import WireAnswer, json_answer
from serving.runtime.served_model import ServedModel
from serving.runtime.signature import ByKey
from serving.services.home_page import HOME, home_page
from serving.services.keys import Scope
from serving.services.model_server import ModelServer
from serving.services.openapi import openapi

_ALONE = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
"""What a browser may load for the page at `/`: nothing."""


async def _home(request: Request) -> Response:
    if "text/html" not in request.headers.get("accept", ""):
        return _json({"status": "alive"})  # what KServe's client wants of a server's root
    server, url = _server(request), str(request.base_url).rstrip("/")
    page = home_page(server.service, server.models.all(), url)
    return HTMLResponse(page, headers={"content-security-policy": _ALONE})


async def _model_info(request: Request) -> Response:
    return _json(model_info(_server(request), _model(request)))


async def _v1_models(request: Request) -> Response:
    return _json(model_list(_server(request).models.all()))


async def _v1_model(request: Request) -> Response:
    is_ready = _server(request).is_ready
    return _json(model_state(_model(request), ready=is_ready), is_ready)


async def _v2_server(request: Request) -> Response:
    return _json(server_metadata(_server(request).revision))


async def _v2_live(request: Request) -> Response:
    return _json(server_live())


async def _v2_ready(request: Request) -> Response:
    is_ready = _server(request).is_ready
    return _json(server_ready(ready=is_ready), is_ready)


async def _v2_model(request: Request) -> Response:
    return _json(model_metadata(_model(request), _server(request).models.all()))


async def _v2_model_ready(request: Request) -> Response:
    is_ready = _server(request).is_ready
    return _json(model_ready(_model(request), ready=is_ready), is_ready)


async def _ping(request: Request) -> Response:
    return _response(ping())


async def _version(request: Request) -> Response:
    return _response(version())


async def _openapi(request: Request) -> Response:
    server = _server(request)
    parts = {"with_admin": server.keys.has(Scope.ADMIN), "with_explain": server.settings.explain}
    return _json(openapi(server.service, server.models.all(), **parts))


METADATA_ROUTES = (
    Route(HOME, _home),
    Route("/model_info", _model_info, methods=["GET", "POST"]),
    Route("/v1/models", _v1_models),
    Route("/v1/models/{model}", _v1_model),
    Route("/v2", _v2_server),
    Route("/v2/health/live", _v2_live),
    Route("/v2/health/ready", _v2_ready),
    Route("/v2/models/{model}", _v2_model),
    Route("/v2/models/{model}/ready", _v2_model_ready),
    Route("/v2/models/{model}/versions/{version}", _v2_model),
    Route("/v2/models/{model}/versions/{version}/ready", _v2_model_ready),
    Route("/ping", _ping),
    Route("/version", _version),
    Route("/openapi.json", _openapi),
)


def model_info(server: ModelServer, model: ServedModel) -> dict[str, Any]:
    """Say which model answers, and what it wants to be sent."""
    identity = model.identity
    return {
        "service": identity.service,
        "model_name": identity.model_name,
        "model_version": identity.model_version,
        "model_type": identity.kind.value,
        "revision": identity.revision,
        "features": list(model.signature.names),
        "features_by_key": _by_key(model.signature.by_key),
        "classes": model.engine.classes,
        "engine": model.engine.name,
        "inference": model.inference,
        "largest_body_bytes": server.settings.max_body_bytes,
    }


def _by_key(key: ByKey | None) -> dict[str, Any] | None:
    return None if key is None else {"entity": key.entity.name, "columns": list(key.columns)}


def _server(request: Request) -> ModelServer:
    server: ModelServer = request.app.state.server
    return server


def _model(request: Request) -> ServedModel:
    """Return the model that the path names, or the server's first."""
    named = request.path_params
    return _server(request).models.find(named.get("model"), named.get("version"))


def _json(fields: object, is_good: bool = True) -> Response:
    return _response(json_answer(200 if is_good else 503, fields))


def _response(answer: WireAnswer) -> Response:
    return Response(answer.body, answer.status, dict(answer.headers), answer.content_type)
