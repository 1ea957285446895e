from __future__ import annotations

import asyncio
import json
import logging
import shutil
from pathlib import Path

import pytest
import uvloop

from serving.services.kept_models import KeptModels, load_kept
from serving.services.model_source import LoadRequest
from tests.serving.services.small_site import GOOD, Site, keys_file, site
from tests.serving.services.tiny_artifact import tiny_artifact

ADMIN = {"x-api-key": "ops"}


def asked(name: str, version: str) -> LoadRequest:
    return LoadRequest(name=name, version=version, artifact=Path(name))


def names(kept: KeptModels) -> list[tuple[str, str]]:
    return [(model.name, model.version) for model in kept.all()]


def read_back(folder: Path) -> KeptModels:
    kept = KeptModels(folder)
    kept.read()
    return kept


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    return keys_file(tmp_path, ops="predict,admin")


@pytest.fixture
def artifacts(tmp_path: Path) -> Path:
    for name in ("houses", "flats"):
        tiny_artifact(tmp_path / "artifacts" / name)
    return tmp_path / "artifacts"


def test_what_is_saved_is_read_back_in_the_order_of_loading(tmp_path: Path) -> None:
    async def scenario() -> None:
        kept = KeptModels(tmp_path / "state")
        for name, version in (("a", "1"), ("b", "1"), ("a", "2"), ("a", "1"), ("c", "1")):
            kept.note(asked(name, version))
        assert kept.forget("c")
        assert not kept.forget("c")
        assert not kept.forget("b", "7")
        await kept.save()
        assert read_back(tmp_path / "state").all() == kept.all()
        assert names(kept) == [("b", "1"), ("a", "2"), ("a", "1")]

    asyncio.run(scenario())


def test_saves_at_once_end_with_what_was_noted_last(tmp_path: Path) -> None:
    async def scenario() -> None:
        kept = KeptModels(tmp_path)
        saving = []
        for number in range(20):
            kept.note(asked("a", str(number)))
            saving.append(asyncio.create_task(kept.save()))
        await asyncio.gather(*saving)
        assert read_back(tmp_path).all() == kept.all()

    asyncio.run(scenario())


def test_a_draft_that_a_killed_server_left_is_not_read(tmp_path: Path) -> None:
    async def scenario() -> None:
        kept = KeptModels(tmp_path)
        kept.note(asked("a", "1"))
        await kept.save()
        (tmp_path / "models.draft").write_text('[{"name": "hal')
        assert names(read_back(tmp_path)) == [("a", "1")]

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "text", ["[{", "{}", '[{"name": "a"}]', '[{"name": "a/b", "version": "1"}]']
)
def test_a_broken_file_is_logged_and_loads_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, text: str
) -> None:
    (tmp_path / "models.json").write_text(text)
    with caplog.at_level(logging.ERROR, "serving"):
        assert read_back(tmp_path).all() == ()
    assert "models.json can't be read" in caplog.text


def test_without_a_folder_nothing_is_written(tmp_path: Path) -> None:
    async def scenario() -> None:
        kept = KeptModels(None)
        kept.read()
        kept.note(asked("a", "1"))
        await kept.save()

    asyncio.run(scenario())
    assert list(tmp_path.iterdir()) == []


async def load(here: Site, name: str, version: str) -> int:
    body = {"name": name, "version": version, "artifact": name}
    answer = await here.client.post("/admin/models", json=body, headers=ADMIN, timeout=60)
    return answer.status_code


async def loaded(here: Site) -> list[tuple[str, str]]:
    answer = await here.client.get("/admin/models", headers=ADMIN)
    return [(model["name"], model["version"]) for model in answer.json()["models"]]


async def unload(here: Site, path: str) -> int:
    return (await here.client.delete(f"/admin/models/{path}", headers=ADMIN)).status_code


def test_the_next_start_has_the_models_after_the_services_own(
    tmp_path: Path, keys: Path, artifacts: Path
) -> None:
    settings = {"keys_file": keys, "models_folder": artifacts, "state_folder": tmp_path / "state"}

    async def scenario() -> None:
        async with site(**settings) as here:
            for name, version in (("houses", "1"), ("flats", "1"), ("houses", "2")):
                assert await load(here, name, version) == 201
            assert await unload(here, "houses?version=1") == 204
            before = await loaded(here)
        async with site(**settings) as here:
            await load_kept(here.server)
            assert (
                await loaded(here)
                == before
                == [
                    *(("small", "1"), ("flats", "1"), ("houses", "2")),
                ]
            )
            assert here.server.models.find().identity.model_name == "small"
            answer = await here.client.post("/houses/predict", json=GOOD, headers=ADMIN)
            assert answer.json()["model_version"] == "2"

    uvloop.run(scenario())


def test_a_model_that_is_gone_is_logged_and_skipped_until_it_is_back_or_unloaded(
    tmp_path: Path, keys: Path, artifacts: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = {"keys_file": keys, "models_folder": artifacts, "state_folder": tmp_path / "state"}

    async def scenario() -> None:
        async with site(**settings) as here:
            assert await load(here, "houses", "1") == 201
            assert await load(here, "flats", "1") == 201
        shutil.move(artifacts / "houses", tmp_path / "away")
        async with site(**settings) as here:
            await load_kept(here.server)
            assert await loaded(here) == [("small", "1"), ("flats", "1")]
            assert await load(here, "flats", "2") == 201  # keeps what is only away
        shutil.move(tmp_path / "away", artifacts / "houses")
        async with site(**settings) as here:
            await load_kept(here.server)
            assert ("houses", "1") in await loaded(here)
        shutil.rmtree(artifacts / "houses")
        (artifacts / "houses").symlink_to(artifacts / "houses")
        async with site(**settings) as here:
            await load_kept(here.server)
            assert [await unload(here, "houses"), await unload(here, "houses")] == [204, 404]
        assert names(read_back(tmp_path / "state")) == [("flats", "1"), ("flats", "2")]

    with caplog.at_level(logging.ERROR, "serving"):
        uvloop.run(scenario())
    assert "houses version 1 is not back: the model can't be loaded" in caplog.text


def test_a_folder_that_can_not_be_written_is_told_and_the_model_answers(
    tmp_path: Path, keys: Path, artifacts: Path
) -> None:
    (tmp_path / "file").write_text("in the way")

    async def scenario() -> None:
        state = tmp_path / "file" / "state"
        async with site(keys_file=keys, models_folder=artifacts, state_folder=state) as here:
            body = {"name": "houses", "version": "1", "artifact": "houses"}
            answer = await here.client.post("/admin/models", json=body, headers=ADMIN, timeout=60)
            assert answer.status_code == 500
            assert answer.json()["error"].startswith("done, but the next start won't know of it")
            answer = await here.client.post("/houses/predict", json=GOOD, headers=ADMIN)
            assert answer.status_code == 200

    uvloop.run(scenario())


def test_the_file_says_where_each_model_comes_from(tmp_path: Path) -> None:
    async def scenario() -> None:
        kept = KeptModels(tmp_path)
        kept.note(LoadRequest(name="a", version="1", tag="a:xyz"))
        await kept.save()

    asyncio.run(scenario())
    written = json.loads((tmp_path / "models.json").read_text())
    assert written == [{"name": "a", "version": "1", "tag": "a:xyz"}]
