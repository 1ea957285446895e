from __future__ import annotations

import asyncio
import json
import logging
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvloop

from serving.runtime.errors import OverloadedError
from tests.serving.runtime.small_models import OneEngine, model_of
from tests.serving.services.small_site import GOOD, Site, keys_file, site

FEATURES = {
    "/predict": GOOD,
    "/small/predict": GOOD,
    "/v1/models/small:predict": {"instances": [[1.0, 2.0]]},
    "/invocations": {"instances": [[1.0, 2.0]]},
    "/v2/models/small/infer": {
        "inputs": [
            {"name": name, "shape": [1, 1], "datatype": "FP64", "data": [value]}
            for name, value in (("a", 1.0), ("b", 2.0))
        ]
    },
    "/v2/models/small/versions/1/infer": {
        "inputs": [
            {"name": name, "shape": [1, 1], "datatype": "FP64", "data": [value]}
            for name, value in (("a", 1.0), ("b", 2.0))
        ]
    },
}


def failing(kind: type[Exception]) -> OneEngine:
    def answer(number: float) -> float:
        if number == 13:
            raise kind("13 is my secret")
        return number

    return OneEngine(answer)


@pytest.mark.parametrize("path", FEATURES)
def test_every_path_answers_in_its_protocol(path: str) -> None:
    async def scenario() -> None:
        async with site() as here:
            answer = await here.client.post(path, json=FEATURES[path])
        assert answer.status_code == 200, answer.text
        fields = answer.json()
        told = fields["predictions"] if "predictions" in fields else fields["outputs"][0]["data"]
        assert told == [1.0]

    uvloop.run(scenario())


@pytest.mark.parametrize(
    ("path", "shape"),
    [
        ("/predict", {"error", "path"}),
        ("/v1/models/small:predict", {"error"}),
        ("/v2/models/small/infer", {"error"}),
        ("/invocations", {"error_code", "message"}),
    ],
)
def test_every_path_refuses_in_its_protocol(path: str, shape: set[str]) -> None:
    async def scenario() -> None:
        async with site(max_body_bytes=100) as here:
            for body, status in ((b"{", 400), (b" " * 101, 413)):
                headers = {"content-type": "application/json"}
                answer = await here.client.post(path, content=body, headers=headers)
                assert (answer.status_code, set(answer.json())) == (status, shape)

    uvloop.run(scenario())


@pytest.mark.parametrize(
    "path", ["/gone/predict", "/v1/models/gone:predict", "/v2/models/small/versions/9/infer"]
)
def test_a_model_that_is_not_there_is_named_and_those_that_are(path: str) -> None:
    async def scenario() -> None:
        async with site() as here:
            answer = await here.client.post(path, json=GOOD)
        assert answer.status_code == 404
        assert "small (version 1)" in answer.text

    uvloop.run(scenario())


def test_the_newest_version_answers_unless_another_is_asked_for() -> None:
    async def scenario() -> None:
        async with site(model_of(version="1"), model_of(version="2")) as here:
            newest = await here.predict([1.0, 2.0])
            path = "/v2/models/small/versions/1/infer"
            older = await here.client.post(path, json=FEATURES[path])
        assert newest.json()["model_version"] == "2"
        assert older.json()["model_version"] == "1"

    uvloop.run(scenario())


def test_a_body_in_pieces_without_a_length_is_limited_too() -> None:
    async def pieces(count: int) -> Any:
        for _ in range(count):
            yield b" " * 1000

    async def scenario() -> None:
        async with site(max_body_bytes=10_000) as here:
            answer = await here.client.post("/predict", content=pieces(11))
            good = await here.client.post("/predict", content=pieces(10))
        assert answer.status_code == 413
        assert good.status_code == 400

    uvloop.run(scenario())


def test_a_compressed_body_is_refused_and_not_guessed_at() -> None:
    async def scenario() -> None:
        async with site() as here:
            headers = {"content-encoding": "gzip"}
            answer = await here.client.post("/predict", content=b"\x1f\x8b", headers=headers)
        assert answer.status_code == 415
        assert "gzip" in answer.json()["error"]

    uvloop.run(scenario())


def test_only_a_key_for_predictions_gets_one(tmp_path: Path) -> None:
    async def scenario() -> None:
        file = keys_file(tmp_path, app="predict", robot="admin")
        async with site(keys_file=file) as here:
            answers = [
                await here.client.post(path, json=FEATURES[path], headers=headers)
                for path in FEATURES
                for headers in ({}, {"x-api-key": "robot"}, {"authorization": "Bearer app"})
            ]
        assert [answer.status_code for answer in answers] == [401, 403, 200] * len(FEATURES)
        assert answers[0].headers["www-authenticate"] == "Bearer"

    uvloop.run(scenario())


def test_an_unknown_caller_learns_nothing_of_models(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with site(keys_file=keys_file(tmp_path, app="predict")) as here:
            there = await here.client.post("/small/predict", json=GOOD)
            gone = await here.client.post("/gone/predict", json=GOOD)
        assert (there.status_code, there.text) == (gone.status_code, gone.text)

    uvloop.run(scenario())


@pytest.mark.parametrize("kind", [ValueError, KeyError, RecursionError, MemoryError, StopIteration])
def test_a_row_that_makes_the_model_raise_fails_alone(
    caplog: pytest.LogCaptureFixture, kind: type[Exception]
) -> None:
    async def scenario() -> None:
        async with site(model_of(failing(kind))) as here:
            bad, good = await asyncio.gather(here.predict([13.0, 0.0]), here.predict([1.0, 0.0]))
        assert (bad.status_code, good.status_code) == (500, 200)
        assert "secret" not in bad.text

    with caplog.at_level(logging.INFO, "serving"):
        uvloop.run(scenario())
    assert caplog.records[-1].exc_info is not None


def test_overload_is_said_with_a_time_to_come_back(caplog: pytest.LogCaptureFixture) -> None:
    async def overloaded(rows: Any, *, is_alone: bool) -> Any:
        raise OverloadedError(2.3)

    async def scenario() -> None:
        async with site() as here:
            here.server.models.find().answer = overloaded  # type: ignore[method-assign]
            answers = [
                await here.client.post(path, json=FEATURES[path])
                for path in FEATURES
                for _ in range(2)
            ]
        assert {answer.status_code for answer in answers} == {429}
        assert {answer.headers["retry-after"] for answer in answers} == {"3"}

    with caplog.at_level(logging.INFO, "serving"):
        uvloop.run(scenario())
    assert len(caplog.records) == 1


def test_the_callers_request_id_comes_back_and_stands_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scenario() -> None:
        async with site() as here:
            for headers in ({"x-request-id": "abc-1"}, {"x-request-id": "a b\u0000"[:3]}, {}):
                answer = await here.predict([1.0], headers=headers)
                ids.append(answer.headers["x-request-id"])

    ids: list[str] = []
    with caplog.at_level(logging.INFO, "serving"):
        uvloop.run(scenario())
    assert ids[0] == "abc-1"
    assert len(set(ids)) == 3
    assert [record.fields["request_id"] for record in caplog.records] == ids  # type: ignore[attr-defined]


def test_a_good_request_is_logged_only_when_asked(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(**settings: Any) -> None:
        async with site(**settings) as here:
            assert (await here.predict([1.0, 2.0])).status_code == 200

    with caplog.at_level(logging.INFO, "serving"):
        uvloop.run(scenario())
        assert not caplog.records
        uvloop.run(scenario(log_requests=True))
    assert [record.getMessage() for record in caplog.records] == ["answered"]


def test_a_log_has_neither_keys_nor_bodies(
    caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    async def scenario() -> None:
        async with site(keys_file=keys_file(tmp_path, app="predict"), log_requests=True) as here:
            for key in ("app", "not-a-key-but-secret"):
                body = json.dumps({"input_data": {"features": [["my-name", 987654.0]]}})
                headers = {"x-api-key": key, "content-type": "application/json"}
                await here.client.post("/predict", content=body, headers=headers)

    with caplog.at_level(logging.DEBUG, "serving"):
        uvloop.run(scenario())
    told = " ".join(str(record.__dict__) for record in caplog.records)
    assert len(caplog.records) == 2
    assert "secret" not in told
    assert "987654" not in told


def test_counts_what_became_of_requests() -> None:
    from prometheus_client import REGISTRY

    def count(outcome: str) -> float:
        labels = {"model_name": "counted", "model_version": "1", "protocol": "predict"}
        return (
            REGISTRY.get_sample_value("model_requests_total", {**labels, "outcome": outcome}) or 0
        )

    async def ask(here: Site, *rows: list[float]) -> httpx.Response:
        return await here.predict(*rows)

    async def scenario() -> None:
        async with site(model_of(failing(ValueError), name="counted")) as here:
            for rows in ([[1.0, 2.0]], [[1.0]], [[13.0, 1.0]], [[1.0, 2.0]]):
                await ask(here, *rows)
            await here.client.get("/metrics")
        assert [count(name) for name in ("answered", "bad_input", "model")] == [2, 1, 1]

    uvloop.run(scenario())
