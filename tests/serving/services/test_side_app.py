from __future__ import annotations

from typing import Any

import pytest
import uvloop

from serving.services.application import application
from serving.services.side_app import _PROBES
from tests.serving.runtime.small_models import model_of
from tests.serving.services.small_site import site


@pytest.mark.parametrize("path", [*_PROBES, "/health", "/ping"])
def test_every_probe_that_people_use_answers(path: str) -> None:
    async def scenario() -> None:
        async with site() as here:
            assert (await here.client.get(path)).status_code == 200

    uvloop.run(scenario())


def test_a_server_that_stops_is_alive_but_not_ready() -> None:
    async def scenario() -> None:
        async with site() as here:
            here.server.drain.is_draining = True
            for path in ("/livez", "/healthz", "/health/live", "/v2/health/live"):
                assert (await here.client.get(path)).status_code == 200
            for path in (
                *("/readyz", "/ready", "/health/ready", "/health", "/v2/health/ready"),
                *("/v2/models/small/ready", "/v1/models/small"),
            ):
                assert (await here.client.get(path)).status_code == 503
            assert (await here.predict([1.0, 2.0])).status_code == 200

    uvloop.run(scenario())


def test_health_says_what_is_loaded() -> None:
    async def scenario() -> None:
        async with site(model_of(name="a"), model_of(name="b", version="3")) as here:
            fields = (await here.client.post("/health", json={})).json()
        assert fields["model_loaded"] is True
        assert fields["models_loaded"] == ["a", "b"]
        assert (fields["model_name"], fields["model_version"]) == ("a", "1")

    uvloop.run(scenario())


def test_a_server_without_a_model_is_not_healthy() -> None:
    async def scenario() -> None:
        async with site() as here:
            await here.server.models.remove("small")
            assert (await here.client.get("/health")).status_code == 503
            assert (await here.predict([1.0, 2.0])).status_code == 404

    uvloop.run(scenario())


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/model_info", {"model_name": "small", "features": ["a", "b"], "engine": "one"}),
        ("/v1/models", {"models": ["small"]}),
        ("/v1/models/small", {"name": "small", "ready": True}),
        ("/v2", {"name": "tiffin"}),
        ("/v2/models/small", {"name": "small", "versions": ["1"]}),
        ("/v2/models/small/versions/1", {"name": "small"}),
        ("/v2/models/small/versions/1/ready", {"ready": True}),
    ],
)
def test_metadata_is_there_in_each_protocol(path: str, told: dict[str, Any]) -> None:
    async def scenario() -> None:
        async with site() as here:
            fields = (await here.client.get(path)).json()
        assert told.items() <= fields.items()

    uvloop.run(scenario())


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("POST", "/nowhere", 404),
        ("GET", "/v1/models/gone", 404),
        ("GET", "/v2/models/small/versions/9", 404),
        ("GET", "/predict", 405),
        ("PUT", "/v1/models/small:predict", 405),
        ("DELETE", "/model_info", 405),
        ("GET", "/admin/models", 404),
    ],
)
def test_what_is_not_there_is_said_in_json(method: str, path: str, status: int) -> None:
    async def scenario() -> None:
        async with site() as here:
            answer = await here.client.request(method, path)
        assert answer.status_code == status
        assert answer.json()["error"]
        assert ("allow" in answer.headers) == (status == 405)

    uvloop.run(scenario())


def test_an_unknown_path_never_reaches_bentoml_which_would_count_it() -> None:
    async def scenario() -> None:
        async with site() as here:
            seen: list[str] = []

            async def bentoml(scope: Any, receive: Any, send: Any) -> None:
                seen.append(scope["path"])

            side = application(here.server, bentoml_with(bentoml))
            for path in ("/metrics", "/random-1", "/random-2"):
                await side(request(path), receive, send)
        assert seen == ["/metrics"]

    def bentoml_with(app: Any) -> Any:
        from starlette.applications import Starlette
        from starlette.routing import Route

        known = Starlette(routes=[Route("/metrics", receive)])
        app.routes = known.routes
        return app

    def request(path: str) -> dict[str, Any]:
        return {"type": "http", "method": "GET", "path": path, "headers": [], "root_path": ""}

    async def receive() -> dict[str, Any]:
        return {"type": "http.request"}

    async def send(message: Any) -> None:
        pass

    uvloop.run(scenario())
