from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
import uvloop

from serving.services.keys import Scope
from tests.serving.runtime.small_models import model_of
from tests.serving.services.small_site import GOOD, Site, keys_file, site
from tests.serving.services.tiny_artifact import tiny_artifact

ADMIN = {"x-api-key": "ops"}


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    return keys_file(tmp_path, app="predict", ops="predict,admin")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tiny_artifact(tmp_path / "models" / "houses")
    return tmp_path / "models"


async def load(here: Site, **body: Any) -> tuple[int, dict[str, Any]]:
    answer = await here.client.post("/admin/models", json=body, headers=ADMIN, timeout=60)
    return answer.status_code, answer.json()


async def names(here: Site) -> list[tuple[str, str]]:
    answer = await here.client.get("/admin/models", headers=ADMIN)
    return [(model["name"], model["version"]) for model in answer.json()["models"]]


def test_without_an_admin_key_there_is_no_admin_api(tmp_path: Path) -> None:
    async def scenario(file: Path | None) -> None:
        async with site(keys_file=file) as here:
            for method, path in (
                ("GET", "/admin/models"),
                ("POST", "/admin/models"),
                ("DELETE", "/admin/models/small"),
            ):
                answer = await here.client.request(method, path, headers={"x-api-key": "app"})
                assert answer.status_code == 404

    uvloop.run(scenario(None))
    uvloop.run(scenario(keys_file(tmp_path, app="predict")))


def test_only_an_admins_key_opens_it(keys: Path) -> None:
    async def scenario() -> None:
        async with site(keys_file=keys) as here:
            for headers, status in (({}, 401), ({"x-api-key": "app"}, 403), (ADMIN, 200)):
                answer = await here.client.get("/admin/models", headers=headers)
                assert answer.status_code == status

    uvloop.run(scenario())


def test_loads_lists_answers_and_unloads_a_model(keys: Path, folder: Path) -> None:
    async def scenario() -> None:
        async with site(keys_file=keys, models_folder=folder) as here:
            status, told = await load(here, name="houses", version="2", artifact="houses")
            assert (status, told["engine"], told["replaced"]) == (201, "native", False)
            assert await names(here) == [("small", "1"), ("houses", "2")]
            path = "/houses/predict"
            answer = await here.client.post(path, json=GOOD, headers=ADMIN)
            assert answer.json()["predictions"] == pytest.approx([3.0])
            gone = await here.client.delete("/admin/models/houses?version=2", headers=ADMIN)
            assert gone.status_code == 204
            assert (await here.client.post(path, json=GOOD, headers=ADMIN)).status_code == 404
            again = await here.client.delete("/admin/models/houses", headers=ADMIN)
            assert again.status_code == 404

    uvloop.run(scenario())


def test_no_request_is_lost_while_versions_are_loaded_and_unloaded(
    keys: Path, folder: Path
) -> None:
    async def ask(here: Site, statuses: list[int], stop: asyncio.Event) -> None:
        while not stop.is_set():
            answer = await here.client.post("/houses/predict", json=GOOD, headers=ADMIN)
            statuses.append(answer.status_code)

    async def scenario() -> None:
        async with site(keys_file=keys, models_folder=folder) as here:
            await load(here, name="houses", version="1", artifact="houses")
            statuses: list[int] = []
            stop = asyncio.Event()
            asking = asyncio.create_task(ask(here, statuses, stop))
            await load(here, name="houses", version="2", artifact="houses")
            await load(here, name="houses", version="2", artifact="houses")
            await here.client.delete("/admin/models/houses?version=1", headers=ADMIN)
            seen = len(statuses)
            while len(statuses) < seen + 3:
                await asyncio.sleep(0.01)
            stop.set()
            await asking
            assert set(statuses) == {200}

    uvloop.run(scenario())


@pytest.mark.filterwarnings("ignore:GitWildMatchPattern")  # while BentoML is imported
@pytest.mark.parametrize(
    ("body", "status", "word"),
    [
        ({}, 400, "name"),
        ({"name": "x", "version": "1"}, 400, "tag or artifact"),
        ({"name": "x", "version": "1", "tag": "a:1", "artifact": "b"}, 400, "tag or artifact"),
        ({"name": "x/y", "version": "1", "tag": "a:1"}, 400, "name"),
        ({"name": "x", "version": "1", "tag": "a:1", "more": 1}, 400, "more"),
        ({"name": "x", "version": "1", "tag": "a:1", "kind": "magic"}, 400, "kind"),
        ({"name": "x", "version": "1", "tag": "no-such-model:1"}, 404, "no-such-model"),
        ({"name": "x", "version": "1", "tag": "NOT A TAG"}, 404, "tag"),
        ({"name": "x", "version": "1", "artifact": "/etc"}, 403, "below"),
        ({"name": "x", "version": "1", "artifact": "../keys"}, 403, "below"),
        ({"name": "x", "version": "1", "artifact": "a\0b"}, 400, "artifact"),
        ({"name": "x", "version": "1", "artifact": "a" * 5000}, 422, "too long"),
        ({"name": "x", "version": "1", "artifact": "gone"}, 422, "MLmodel"),
    ],
)
def test_a_load_that_can_not_be_says_why(
    keys: Path,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    body: dict[str, Any],
    status: int,
    word: str,
) -> None:
    monkeypatch.setenv("BENTOML_HOME", str(folder))

    async def scenario() -> None:
        async with site(keys_file=keys, models_folder=folder) as here:
            got, told = await load(here, **body)
            assert (got, word in told["error"]) == (status, True), told
            assert await names(here) == [("small", "1")]
            assert (await here.predict([1.0, 2.0], headers=ADMIN)).status_code == 200

    uvloop.run(scenario())


def test_no_path_is_opened_where_no_folder_for_models_is_set(keys: Path, folder: Path) -> None:
    async def scenario() -> None:
        async with site(keys_file=keys) as here:
            place = str(folder / "houses")
            assert (await load(here, name="x", version="1", artifact=place))[0] == 403

    uvloop.run(scenario())


def test_several_processes_would_differ_so_they_refuse(keys: Path, folder: Path) -> None:
    async def scenario() -> None:
        async with site(keys_file=keys, models_folder=folder, workers=2) as here:
            status, told = await load(here, name="x", version="1", artifact="houses")
            assert status == 409
            assert "2 processes" in told["error"]
            gone = await here.client.delete("/admin/models/small", headers=ADMIN)
            assert gone.status_code == 409

    uvloop.run(scenario())


def test_a_key_that_is_added_later_brings_the_api_to_life(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serving.services.keys._LOOK_EVERY_S", 0.0)

    async def scenario() -> None:
        async with site(model_of(), keys_file=keys_file(tmp_path, app="predict")) as here:
            assert not here.server.keys.has(Scope.ADMIN)
            keys_file(tmp_path, app="predict", ops="admin")
            assert await names(here) == [("small", "1")]

    uvloop.run(scenario())
