"""What happens around a service's life in its process: before it loads, and after it ends.

uvicorn makes its server object long before it listens, and starts the application in between:
that is when connections get our front door and SIGTERM our drain.
"""

from __future__ import annotations

import os
import signal
from functools import partial
from typing import Any

import uvicorn

from serving.runtime.memory import settle
from serving.services.asgi import AsgiApp, AsgiReceive, AsgiScope, AsgiSend
from serving.services.fast_path import FastPath
from serving.services.front_door import FrontDoor
from serving.services.http_connection import HttpConnection
from serving.services.kept_models import load_kept
from serving.services.logs import configure_logs, join_other_logs
from serving.services.model_server import ModelServer
from serving.services.predictions import KnownPredictions, NoPredictions

_UVICORNS_KEEP_ALIVE_S = 5


class Lifecycle:
    """The outermost ASGI application of a service in its process."""

    def __init__(self, server: ModelServer, app: AsgiApp) -> None:
        self._server = server
        self._app = app

    async def __call__(self, scope: AsgiScope, receive: AsgiReceive, send: AsgiSend) -> None:
        """Pass everything on; a start and an end are accompanied."""
        if scope["type"] == "lifespan":
            await self._live(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _live(self, scope: AsgiScope, receive: AsgiReceive, send: AsgiSend) -> None:
        configure_logs(self._server.settings.log_level)
        self._server.journal.tracing = start_tracing(self._server.service)
        running = running_uvicorn()
        if running is not None:
            equip(running.config, self._server, self._app)
            self._server.drain.install(running)

        async def note_start(message: Any) -> None:
            if message["type"] == "lifespan.startup.complete":
                if self._server.answers_predictions:
                    await load_kept(self._server)
                join_other_logs()
                settle()
            await send(message)

        await self._app(scope, receive, note_start)
        await self._server.close()


def start_tracing(service: str) -> Any:
    """Return a Tracing where an endpoint for spans is set, else None; its import takes a while."""
    if not os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT"):
        return None
    from serving.services.tracing import Tracing

    return Tracing(service)


def running_uvicorn() -> uvicorn.Server | None:
    """Return the server that runs in this process: while it does, it is who handles SIGTERM."""
    owner = getattr(signal.getsignal(signal.SIGTERM), "__self__", None)
    return owner if isinstance(owner, uvicorn.Server) else None


def equip(config: uvicorn.Config, server: ModelServer, app: AsgiApp) -> None:
    """Give uvicorn our connections and limits; what was given on the command line stays."""
    settings = server.settings
    config.http_protocol_class = front_door(server, app)
    if config.timeout_keep_alive == _UVICORNS_KEEP_ALIVE_S:
        config.timeout_keep_alive = settings.keep_alive_seconds
    if config.timeout_graceful_shutdown is None:
        config.timeout_graceful_shutdown = settings.stop_seconds  # type: ignore[assignment]
    if server.answers_predictions:
        config.loaded_app = app  # no prediction needs to know what proxies it came through


def front_door(server: ModelServer, app: AsgiApp) -> Any:
    """Return what makes the protocol of a new connection."""
    http = partial(HttpConnection, backlog=server.backlog, drain=server.drain)
    if not isinstance(app, FastPath):
        return partial(FrontDoor, http=partial(http, predictions=NoPredictions()), grpc=None)
    from serving.services.grpc_path import GrpcPath

    http = partial(http, predictions=KnownPredictions(server, app))
    return partial(FrontDoor, http=http, grpc=GrpcPath(server).connection)
