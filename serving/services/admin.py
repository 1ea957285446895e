"""The admin API: lists, loads and unloads models while the server answers.

It exists only where a key with the scope `admin` does. A server of several processes refuses to
change its models, since each of them would have others.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from serving.runtime.errors import UnknownModelError
from serving.runtime.served_model import ServedModel
from serving.services.asgi import read_body
from serving.services.keys import Scope
from serving.services.model_server import ModelServer
from serving.services.model_source import LoadRequest, load_model
from serving.services.turned_away import TurnedAwayError

_LARGEST_BODY = 64 * 1024

_log = logging.getLogger(__name__)


async def _list(request: Request) -> Response:
    server = _admitted(request)
    return JSONResponse({"models": [_described(model) for model in server.models.all()]})


async def _load(request: Request) -> Response:
    server = _admitted(request)
    _refuse_workers(server)
    asked = await _load_request(request)
    started = time.monotonic()
    async with server.loading:
        asked = await asyncio.to_thread(asked.settled)
        model = await asyncio.to_thread(load_model, server, asked)
        replaced = server.models.put(model)
        server.kept.note(asked)
        await _save(server)
    seconds = round(time.monotonic() - started, 3)
    _log.info("loaded %s version %s in %s s", asked.name, asked.version, seconds)
    fields = {"seconds": seconds, "replaced": replaced is not None}
    return JSONResponse(_described(model) | fields, 201)


async def _unload(request: Request) -> Response:
    server = _admitted(request)
    _refuse_workers(server)
    name, version = request.path_params["model"], request.query_params.get("version")
    was_kept = server.kept.forget(name, version)
    try:
        await server.models.remove(name, version)
    except UnknownModelError:
        if not was_kept:
            raise
    await _save(server)
    _log.info("unloaded %s version %s", name, version or "any")
    return Response(status_code=204)


ADMIN_ROUTES = (
    Route("/admin/models", _list),
    Route("/admin/models", _load, methods=["POST"]),
    Route("/admin/models/{model}", _unload, methods=["DELETE"]),
)


def _admitted(request: Request) -> ModelServer:
    server: ModelServer = request.app.state.server
    if not server.keys.has(Scope.ADMIN):
        raise HTTPException(404)
    server.keys.check(dict(request.scope["headers"]), Scope.ADMIN)
    return server


def _refuse_workers(server: ModelServer) -> None:
    if server.settings.workers > 1:
        raise TurnedAwayError(
            409,
            f"this server has {server.settings.workers} processes with models of their own; "
            "start it with one to change its models, or deploy a new revision",
        )


async def _load_request(request: Request) -> LoadRequest:
    headers = dict(request.scope["headers"])
    body = await read_body(headers, request.receive, _LARGEST_BODY)
    try:
        asked = LoadRequest.model_validate_json(body)
    except ValidationError as refused:
        first = refused.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "the body"
        raise TurnedAwayError(400, f"{where}: {first['msg']}") from None
    if (asked.tag is None) == (asked.artifact is None):
        raise TurnedAwayError(400, "send either tag or artifact")
    return asked


async def _save(server: ModelServer) -> None:
    try:
        await server.kept.save()
    except OSError as error:
        raise TurnedAwayError(
            500,
            f"done, but the next start won't know of it: {error}; mend the folder "
            "(TIFFIN_STATE_FOLDER) and ask again",
        ) from error


def _described(model: ServedModel) -> dict[str, Any]:
    identity = model.identity
    return {
        "name": identity.model_name,
        "version": identity.model_version,
        "kind": identity.kind.value,
        "engine": model.engine.name,
    }
