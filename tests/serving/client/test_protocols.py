"""Both clients against real servers, in every protocol and with every shape of rows."""

from __future__ import annotations

import asyncio
import csv
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import requests

from serving.client import (
    AsyncClient,
    BadRequestError,
    Client,
    NotAllowedError,
    OverloadedError,
    Prediction,
    Retries,
    ServerError,
    UnavailableError,
    UnknownModelError,
)
from serving.client.base import ProtocolName
from serving.runtime.errors import OverloadedError as SheddingError
from tests.serving.client.callers import TWINS, caller
from tests.serving.runtime.protocols.tiny_models import PEOPLE, PERSON, POINTS, served
from tests.serving.runtime.small_models import OneEngine, model_of
from tests.serving.served_models import RunningServer, ServedModels
from tests.serving.services.small_site import keys_file, threaded_site

pytestmark = pytest.mark.timeout(400)
NAMED = tuple(set(ProtocolName) - {ProtocolName.INVOCATIONS})
V2 = (ProtocolName.OPEN_INFERENCE, ProtocolName.OPEN_INFERENCE_BINARY, ProtocolName.GRPC)
ROW_PROTOCOLS = tuple(set(ProtocolName) - set(V2))
RECORDS = PEOPLE.to_dict("records")
every_protocol = pytest.mark.parametrize("protocol", sorted(ProtocolName))
both = pytest.mark.parametrize("twin", TWINS)


@pytest.fixture(scope="module")
def people() -> Iterator[str]:
    """A classifier with a column of each type."""
    with threaded_site(served("people")) as url:
        yield url


@pytest.fixture(scope="module")
def points() -> Iterator[str]:
    """A regression of a plain array, with intervals."""
    with threaded_site(served("points")) as url:
        yield url


def ask(twin: str, url: str, rows: Any, protocol: str, model: str, **settings: Any) -> Prediction:
    async def scenario() -> Prediction:
        asked = named(protocol, model)
        async with caller(twin, url, protocol=protocol, model=asked, **settings) as here:
            return await here.predict(rows)

    return asyncio.run(scenario())


def named(protocol: str, model: str) -> str | None:
    """Return what the client is told; MLflow's protocol has no names for models."""
    return None if protocol == ProtocolName.INVOCATIONS else model


@both
@every_protocol
@pytest.mark.parametrize("name", ["credit-risk:v1", "house-prices:v1", "job-training:v1"])
def test_a_served_model_answers_in_every_protocol_as_it_does_to_plain_http(
    served: ServedModels, twin: str, protocol: str, name: str
) -> None:
    server, rows = served.server(name), example_rows(served, name)
    plain = server.predict(rows).json()
    answer = ask(twin, server.url, rows, protocol, name.partition(":")[0])
    assert same(answer.predictions, plain["predictions"])
    for field in ("probabilities", "intervals"):
        if field in plain and protocol != ProtocolName.INVOCATIONS:
            assert same(getattr(answer, field), plain[field])
    if protocol in (ProtocolName.PREDICT, ProtocolName.KSERVE_V1):
        for field in ("classes", "effects", "average_effect"):
            assert same(getattr(answer, field), plain.get(field))
    if protocol != ProtocolName.INVOCATIONS:
        assert (answer.model_name, answer.model_version) == (name.partition(":")[0], "7")


def same(got: Any, expected: Any) -> bool:
    return np.array_equal(np.asarray(got), np.asarray(expected))


def example_rows(served: ServedModels, name: str) -> list[dict[str, Any]]:
    """Three rows of the evaluation data, with the columns that the model reads."""
    server = served.server(name)
    features = server.post("/model_info", {}).json()["features"]
    types = {
        tensor["name"]: tensor["datatype"]
        for tensor in metadata(server, name.partition(":")[0])["inputs"]
    }
    with Path(served.evaluation(name)).open(newline="") as stream:
        rows = [row for row, _ in zip(csv.DictReader(stream), range(3), strict=False)]
    return [{column: typed(row[column], types[column]) for column in features} for row in rows]


def metadata(server: RunningServer, model: str) -> Any:
    return requests.get(f"{server.url}/v2/models/{model}", timeout=30).json()


def typed(text: str, datatype: str) -> Any:
    readers = {"FP64": float, "INT64": lambda given: int(float(given)), "BYTES": str}
    return readers[datatype](text)


@every_protocol
def test_named_rows_of_every_shape_get_the_same_answer(people: str, protocol: str) -> None:
    known = served("people")
    expected = known.engine.outputs(known.signature.checked(RECORDS, ""))["predictions"]

    async def scenario() -> None:
        async with AsyncClient(people, protocol=protocol, model=named(protocol, "people")) as here:
            for rows in (RECORDS, tuple(RECORDS), PEOPLE):
                answer = await here.predict(rows)
                assert answer.predictions == tuple(expected)
                assert {type(label) for label in answer.predictions} == {str}

    asyncio.run(scenario())


PLAIN = [
    POINTS,
    POINTS.astype("<f4"),
    POINTS.astype(">f8"),
    POINTS.astype(int),
    np.asfortranarray(POINTS),
    np.repeat(POINTS, 2, axis=0)[::2],
    POINTS.tolist(),
    list(POINTS),
    [tuple(row) for row in POINTS],
    [[0, 1, 2], [1, 2, 3], [2.0, 2, 9]],
    pd.DataFrame(POINTS),
]


@every_protocol
def test_plain_rows_of_every_shape_get_the_same_answer(points: str, protocol: str) -> None:
    async def scenario() -> None:
        async with AsyncClient(points, protocol=protocol, model=named(protocol, "points")) as here:
            for rows in PLAIN:
                answer = await here.predict(rows)
                assert answer.predictions == pytest.approx((1.0, 2.0, 3.0))
                assert {type(value) for value in answer.predictions} == {float}
                if protocol != ProtocolName.INVOCATIONS:
                    assert np.asarray(answer.intervals).shape == (3, 2)

    asyncio.run(scenario())


@both
@pytest.mark.parametrize("protocol", sorted(ROW_PROTOCOLS))
def test_rows_of_texts_and_numbers_need_no_names_where_rows_are_json(
    people: str, twin: str, protocol: str
) -> None:
    rows = [list(record.values()) for record in RECORDS]
    assert len(ask(twin, people, rows, protocol, "people").predictions) == 4


@both
@pytest.mark.parametrize("protocol", sorted(V2))
def test_rows_of_texts_and_numbers_need_names_where_rows_are_tensors(
    people: str, twin: str, protocol: str
) -> None:
    rows = [list(record.values()) for record in RECORDS]
    with pytest.raises(BadRequestError, match="send rows as objects"):
        ask(twin, people, rows, protocol, "people")


@both
@every_protocol
def test_a_wrong_cell_is_named(people: str, twin: str, protocol: str) -> None:
    with pytest.raises(BadRequestError) as raised:
        ask(twin, people, [PERSON | {"age": "old"}], protocol, "people")
    failure = raised.value
    assert failure.status == 400
    assert "age" in failure.path or failure.path.startswith("inputs[0]")
    assert failure.path in failure.sentence


@both
@pytest.mark.parametrize("protocol", sorted(NAMED))
def test_an_unknown_model_is_told_with_those_that_there_are(
    people: str, twin: str, protocol: str
) -> None:
    with pytest.raises(UnknownModelError, match="people"):
        ask(twin, people, RECORDS, protocol, "nobody")


@both
@pytest.mark.parametrize("protocol", sorted(V2))
def test_a_version_is_asked_for(people: str, twin: str, protocol: str) -> None:
    async def scenario() -> None:
        async with caller(twin, people, protocol=protocol, model="people") as here:
            there = (await here.predict(RECORDS)).model_version
            assert (await here.predict(RECORDS, version=there)).model_version == there
            with pytest.raises(UnknownModelError):
                await here.predict(RECORDS, version="999")

    asyncio.run(scenario())


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    keys = keys_file(tmp_path_factory.mktemp("keys"), app="predict", ops="admin")
    with threaded_site(served("points"), keys_file=keys) as url:
        yield url


@both
@every_protocol
def test_a_key_is_sent(locked: str, twin: str, protocol: str) -> None:
    assert ask(twin, locked, POINTS, protocol, "points", api_key="app").predictions
    for key in (None, "unknown", "ops"):
        with pytest.raises(NotAllowedError):
            ask(twin, locked, POINTS, protocol, "points", api_key=key)


@both
@every_protocol
def test_a_model_that_raises_fails_this_request_alone(
    served: ServedModels, twin: str, protocol: str
) -> None:
    server = served.server("credit-risk:v3")
    [row, *_] = example_rows(served, "credit-risk:v3")
    with pytest.raises(ServerError, match="ValueError") as raised:
        ask(twin, server.url, [row | {"home": "parents"}], protocol, "credit-risk")
    assert not isinstance(raised.value, UnavailableError)
    assert (raised.value.status, raised.value.tries) == (500, 1)


@pytest.fixture(scope="module")
def full() -> Iterator[str]:
    """A server whose model sheds everything, once it is warm."""
    is_warm = False

    def shed(value: float) -> float:
        if is_warm:
            raise SheddingError(2.5)
        return value

    model = model_of(OneEngine(shed))
    is_warm = True
    with threaded_site(model) as url:
        yield url


@both
@every_protocol
def test_a_server_that_sheds_says_when_to_come_back(full: str, twin: str, protocol: str) -> None:
    with pytest.raises(OverloadedError) as raised:
        ask(twin, full, [[1.0, 2.0]], protocol, "small", retries=Retries(tries=1))
    assert raised.value.retry_after_s == 3


def test_many_threads_and_many_tasks_share_a_client(points: str) -> None:
    rows = [[[float(n), 0.0, 1.0]] for n in range(200)]
    for protocol in (ProtocolName.PREDICT, ProtocolName.GRPC):
        with (
            Client(points, protocol=protocol, model="points") as client,
            ThreadPoolExecutor(8) as threads,
        ):
            blocking = [answer.predictions for answer in threads.map(client.predict, rows)]

        async def all_at_once(protocol: str = protocol) -> list[Any]:
            async with AsyncClient(points, protocol=protocol, model="points") as client:
                answers = await asyncio.gather(*(client.predict(row) for row in rows))
                return [answer.predictions for answer in answers]

        assert blocking == asyncio.run(all_at_once())
        assert len(set(blocking)) == 200
