from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from concurrent.futures import Future
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import uvloop
from jsonschema import Draft202012Validator
from prometheus_client import REGISTRY

from serving.runtime.explanations.process import MOST_WAITING
from serving.runtime.identity import Identity, ModelKind
from serving.runtime.served_model import ServedModel
from serving.runtime.settings import ServerSettings
from serving.services.explain import MOST_ROWS
from serving.services.openapi import openapi
from tests.serving.runtime.small_models import model_of
from tests.serving.services.small_site import Site, keys_file, site
from tests.serving.services.tiny_artifact import tiny_artifact

ROW = [4.0, 1.0]


def tiny_model(folder: Path, name: str = "tiny") -> ServedModel:
    identity = Identity("service", name, "7", "v7", ModelKind.REGRESSION)
    return ServedModel.load(tiny_artifact(folder), identity, ServerSettings())


@asynccontextmanager
async def explaining(*models: ServedModel) -> AsyncIterator[Site]:
    async with site(*models) as here:
        try:
            yield here
        finally:
            await here.server.close()


async def explain(here: Site, *rows: Any, path: str = "/explain", **more: Any) -> Any:
    body = {"input_data": {"features": list(rows)}}
    return await here.client.post(path, json=body, timeout=120, **more)


def counted(outcome: str, name: str) -> float:
    labels = {"model_name": name, "model_version": "7", "protocol": "explain", "outcome": outcome}
    return REGISTRY.get_sample_value("model_requests_total", labels) or 0.0


def test_the_answer_adds_up_names_the_model_and_is_what_openapi_says(tmp_path: Path) -> None:
    async def scenario() -> None:
        model = tiny_model(tmp_path, "counted-explanations")
        async with explaining(model) as here:
            answer = await explain(here, ROW, {"a": 1.0, "b": 2.0}, headers={"x-request-id": "me"})
            named = await explain(here, ROW, path="/counted-explanations/explain")
            predicted = (await here.predict(ROW)).json()
        assert answer.status_code == 200, answer.text
        assert answer.headers["x-request-id"] == "me"
        fields = answer.json()
        sums = [fields["base_value"] + sum(shares.values()) for shares in fields["contributions"]]
        assert sums == pytest.approx([5.0, 3.0])
        assert fields["predictions"] == pytest.approx([5.0, 3.0])
        assert fields["contributions"][0] == pytest.approx({"a": 4.0, "b": 1.0})
        assert (fields["output"], fields["method"]) == ("prediction", "linear")
        assert (fields["model_name"], fields["model_version"]) == ("counted-explanations", "7")
        assert named.json()["predictions"] == pytest.approx(predicted["predictions"])
        document = openapi("service", [model], with_admin=False)
        described = document["paths"]["/explain"]["post"]["responses"]["200"]["content"]
        Draft202012Validator(described["application/json"]["schema"]).validate(fields)
        assert counted("answered", "counted-explanations") == 2
        assert model_rows("counted-explanations") == 1

    uvloop.run(scenario())


def prediction_errors(name: str) -> float:
    samples = (sample for metric in REGISTRY.collect() for sample in metric.samples)
    return sum(
        sample.value
        for sample in samples
        if sample.name == "model_prediction_errors_total" and sample.labels["model_name"] == name
    )


def model_rows(name: str) -> float | None:
    labels = {"model_name": name, "model_version": "7"}
    return REGISTRY.get_sample_value("model_predictions_total", labels)


@pytest.mark.parametrize(
    "body",
    [{"input_data": {"features": [["x", 1.0]]}}, {"features": [ROW]}],
)
def test_a_wrong_body_is_refused_as_under_predict(tmp_path: Path, body: dict[str, Any]) -> None:
    async def scenario() -> None:
        async with explaining(tiny_model(tmp_path, "refusing")) as here:
            before = counted("bad_input", "refusing")
            answer = await here.client.post("/explain", json=body)
            here.server.models.find().metrics.flush()
            assert answer.json() == (await here.client.post("/predict", json=body)).json()
        assert answer.status_code == 400
        assert counted("bad_input", "refusing") == before + 1

    uvloop.run(scenario())


def test_too_many_rows_are_refused_with_how_many_may_be_sent(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with site() as here:
            answer = await explain(here, *[ROW] * (MOST_ROWS + 1))
        assert answer.status_code == 400
        assert answer.json() == {
            "error": "input_data.features: send at most 20 rows to explain, not 21",
            "path": "input_data.features",
        }

    uvloop.run(scenario())


def test_an_unknown_model_and_another_method_are_refused(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with site() as here:
            assert (await explain(here, ROW, path="/gone/explain")).status_code == 404
            assert (await here.client.get("/explain")).status_code == 405

    uvloop.run(scenario())


def test_a_key_for_predictions_opens_it_and_no_other(tmp_path: Path) -> None:
    async def scenario() -> None:
        file = keys_file(tmp_path, app="predict", boss="admin")
        async with site(keys_file=file) as here:
            found = [
                (await explain(here, ROW, headers=headers)).status_code
                for headers in ({}, {"x-api-key": "boss"}, {"x-api-key": "app"})
            ]
        assert found == [401, 403, 501]  # the model of the test has no files to explain it from

    uvloop.run(scenario())


def test_more_questions_than_may_wait_get_429_and_when_to_come_back(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with explaining(tiny_model(tmp_path)) as here:
            here.server.explanations._asked = [Future() for _ in range(MOST_WAITING)]
            answer = await explain(here, ROW)
            assert (await here.predict(ROW)).status_code == 200
        assert answer.status_code == 429
        assert int(answer.headers["retry-after"]) >= 1
        assert "busy" in answer.json()["error"]

    uvloop.run(scenario())


def test_what_can_not_be_explained_here_gets_501_with_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> None:
        async with explaining(tiny_model(tmp_path, "unexplained")) as here:
            answer = await explain(here, ROW)
            wrong = await explain(here, ["x", 1.0])
        assert (answer.status_code, wrong.status_code) == (501, 400)
        assert answer.json()["error"].startswith("shap isn't installed here")
        assert (counted("model", "unexplained"), counted("bad_input", "unexplained")) == (1, 1)
        assert prediction_errors("unexplained") == 0

    monkeypatch.setitem(sys.modules, "shap", None)
    uvloop.run(scenario())


def test_switched_off_it_is_not_there(tmp_path: Path) -> None:
    async def scenario() -> None:
        settings = ServerSettings.read({"TIFFIN_EXPLAIN": "off"})
        async with site(explain=settings.explain) as here:
            assert (await explain(here, ROW)).status_code == 404
            document = (await here.client.get("/openapi.json")).json()
        assert "/explain" not in json.dumps(document)

    uvloop.run(scenario())


def test_predictions_are_answered_while_an_explanation_is_made(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with explaining(tiny_model(tmp_path)) as here:
            asked = asyncio.create_task(explain(here, ROW))
            for _ in range(20):
                assert (await here.predict(ROW)).status_code == 200
            assert not asked.done()  # a process takes longer to start than that
            assert (await asked).status_code == 200

    uvloop.run(scenario())


def test_a_model_that_was_loaded_from_no_folder_is_not_explained() -> None:
    async def scenario() -> None:
        async with site(model_of()) as here:
            answer = await explain(here, [1.0, 2.0])
        assert answer.status_code == 501
        assert "no files" in answer.json()["error"]

    uvloop.run(scenario())
