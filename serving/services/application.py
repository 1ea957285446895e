"""Puts the ASGI applications of a service together, from the outermost to BentoML's."""

from __future__ import annotations

from starlette.applications import Starlette

from serving.services.asgi import AsgiApp
from serving.services.lifecycle import Lifecycle
from serving.services.model_server import ModelServer
from serving.services.probes import PROBE_ROUTES
from serving.services.side_app import SideApp


def application(server: ModelServer, bentoml: Starlette) -> AsgiApp:
    """Return what a worker process serves; people's own services keep all paths but the probes."""
    if not server.answers_predictions:
        return Lifecycle(server, SideApp(server, bentoml, PROBE_ROUTES))
    from serving.services.admin import ADMIN_ROUTES
    from serving.services.explain import EXPLAIN_ROUTES
    from serving.services.fast_path import FastPath
    from serving.services.metadata import METADATA_ROUTES

    explained = EXPLAIN_ROUTES if server.settings.explain else ()
    routes = (*PROBE_ROUTES, *METADATA_ROUTES, *ADMIN_ROUTES, *explained)
    return Lifecycle(server, FastPath(server, SideApp(server, bentoml, routes)))
