"""The admin API: lists, loads and unloads models while the server answers.

It exists only where a key with the scope `admin` does. Which models are loaded is remembered by
no one: a process that starts again has the service's own model and no other. So a server of
several processes refuses it, since each of them would have other models.
"""

from __future__ import annotations

import asyncio
import logging
import time
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from serving.runtime.identity import Identity, ModelKind
from serving.runtime.served_model import ServedModel
from serving.services.asgi import read_body
from serving.services.keys import Scope
from serving.services.model_server import ModelServer
from serving.services.turned_away import TurnedAwayError

_LARGEST_BODY = 64 * 1024
_NAME = r"^[A-Za-z0-9_.-]{1,80}$"

_log = logging.getLogger(__name__)


class LoadRequest(BaseModel):
    """The body of POST /admin/models: which model, under which name, from where."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(pattern=_NAME)]
    version: Annotated[str, Field(pattern=_NAME)]
    tag: str | None = None
    """A model of BentoML's model store, `name:version`."""
    artifact: Path | None = None
    """A folder that MLflow saved a model to, below the folder for models."""
    kind: ModelKind | None = None
    """What it answers with; the same as the service's own model when it isn't said."""


async def _list(request: Request) -> Response:
    server = _admitted(request)
    return JSONResponse({"models": [_described(model) for model in server.models.all()]})


async def _load(request: Request) -> Response:
    server = _admitted(request)
    _refuse_workers(server)
    asked = await _load_request(request)
    started = time.monotonic()
    async with server.loading:
        model = await _loaded(server, asked, await asyncio.to_thread(_place, server, asked))
        replaced = server.models.put(model)
    seconds = round(time.monotonic() - started, 3)
    _log.info("loaded %s version %s in %s s", asked.name, asked.version, seconds)
    fields = {"seconds": seconds, "replaced": replaced is not None}
    return JSONResponse(_described(model) | fields, 201)


async def _unload(request: Request) -> Response:
    server = _admitted(request)
    _refuse_workers(server)
    name, version = request.path_params["model"], request.query_params.get("version")
    await server.models.remove(name, version)
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


def _place(server: ModelServer, asked: LoadRequest) -> Path:
    """Return the folder of the artifact; an admin's key opens no other folder than that one."""
    if asked.artifact is None:
        return _place_of_tag(str(asked.tag))
    allowed = server.settings.models_folder
    if allowed is None:
        raise TurnedAwayError(403, "no folder for models is set (TIFFIN_MODELS_FOLDER); send a tag")
    try:
        place = (allowed / asked.artifact).resolve()
    except ValueError:  # a null byte
        raise TurnedAwayError(400, "artifact: this can't be the name of a folder") from None
    if not place.is_relative_to(allowed.resolve()):
        raise TurnedAwayError(403, f"artifact: only folders below {allowed} may be loaded")
    return place


def _place_of_tag(tag: str) -> Path:
    import bentoml
    from bentoml.exceptions import BentoMLException

    try:
        return Path(bentoml.models.get(tag).path)
    except (BentoMLException, ValueError) as refused:
        raise TurnedAwayError(404, f"tag: {' '.join(str(refused).split())}") from None


async def _loaded(server: ModelServer, asked: LoadRequest, place: Path) -> ServedModel:
    kind = asked.kind or server.kind
    assert kind is not None
    identity = Identity(server.service, asked.name, asked.version, server.revision, kind)
    try:
        return await asyncio.to_thread(ServedModel.load, place, identity, server.settings)
    except Exception as failure:
        _log.exception("a model could not be loaded")
        has_words = isinstance(failure, (ValueError, OSError))
        words = str(failure) if has_words else type(failure).__name__
        raise TurnedAwayError(422, f"the model can't be loaded: {words}") from failure


def _described(model: ServedModel) -> dict[str, Any]:
    identity = model.identity
    return {
        "name": identity.model_name,
        "version": identity.model_version,
        "kind": identity.kind.value,
        "engine": model.engine.name,
    }
