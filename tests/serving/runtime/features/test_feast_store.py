from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import orjson
import pytest
import uvloop

from serving.runtime.features.feast_store import FeastStore, found_in
from serving.runtime.features.online_store import OnlineStore, StoreError
from serving.runtime.features.section import FeastSection
from tests.contracts.online_store import COLUMNS, OnlineStoreContract, StoreUnderTest
from tests.serving.runtime.features.conftest import FeastServer
from tests.serving.served_models import free_port


def by_service(url: str, columns: Sequence[str], service: str = "credit_risk") -> FeastStore:
    return FeastStore(FeastSection(url=url, feature_service=service), "customer_id", columns)


def by_references(url: str, columns: Sequence[str], view: str = "credit") -> FeastStore:
    references = tuple(f"{view}:{name}" for name in columns)
    return FeastStore(FeastSection(url=url, references=references), "customer_id", columns)


class TestFeastStoreByFeatureService(OnlineStoreContract):
    @pytest.fixture
    def subject(self, feast: FeastServer) -> StoreUnderTest:
        return StoreUnderTest(lambda columns: by_service(feast.url, columns))


class TestFeastStoreByReferences(OnlineStoreContract):
    @pytest.fixture
    def subject(self, feast: FeastServer) -> StoreUnderTest:
        return StoreUnderTest(lambda columns: by_references(f"{feast.url}/", columns))


def failure_of(store: OnlineStore, *keys: int | str) -> StoreError:
    async def scenario() -> StoreError:
        try:
            with pytest.raises(StoreError) as failed:
                await store.read(keys)
        finally:
            await store.close()
        return failed.value

    return uvloop.run(scenario())


def test_a_feature_service_that_feast_does_not_know_is_said_in_the_log(feast: FeastServer) -> None:
    failure = failure_of(by_service(feast.url, COLUMNS, service="none"), 1)
    assert failure.sentence == "the feature store answered with status 404"
    assert "Feature service none does not exist" in failure.detail


def test_a_view_and_a_feature_that_feast_does_not_know_are(feast: FeastServer) -> None:
    assert "none does not exist" in failure_of(by_references(feast.url, ["home"], "none"), 1).detail
    assert "shoe_size" in failure_of(by_references(feast.url, ["shoe_size"]), 1).detail


def test_a_key_of_another_type_fails_without_harm(feast: FeastServer) -> None:
    assert "status 500" in failure_of(by_service(feast.url, COLUMNS), "nobody").sentence


def test_a_server_that_is_not_there_is_unreachable() -> None:
    failure = failure_of(by_service(f"http://127.0.0.1:{free_port()}", COLUMNS), 1)
    assert failure.sentence == "the feature store can't be reached"


@asynccontextmanager
async def hangs_up() -> AsyncIterator[str]:
    """A server that ends each connection at its first bytes."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


def test_a_server_that_hangs_up_is_unreachable() -> None:
    async def scenario() -> None:
        async with hangs_up() as url:
            store = by_service(url, COLUMNS)
            with pytest.raises(StoreError, match="can't be reached"):
                await store.read([1])
            await store.close()

    uvloop.run(scenario())


def test_may_be_cancelled_and_asked_again(feast: FeastServer) -> None:
    async def scenario() -> None:
        store = by_service(feast.url, COLUMNS)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.0005):
                await store.read([1])
        assert (await store.read([1]))[1]["home"] == "rent"
        await store.close()

    uvloop.run(scenario())


def answer(**changes: object) -> bytes:
    result = {"values": ["rent", "own"], "statuses": ["PRESENT", "OUTSIDE_MAX_AGE"]}
    fields = {"metadata": {"feature_names": ["home"]}, "results": [result]}
    return orjson.dumps(fields | changes)


def test_what_has_expired_is_none() -> None:
    assert found_in(answer(), [1, 2], ["home"]) == {1: {"home": "rent"}, 2: {}}


@pytest.mark.parametrize(
    "body",
    [
        b"<html>",
        b"[]",
        b"null",
        answer(results=[]),
        answer(results=None),
        answer(results=[{"values": ["rent"], "statuses": ["PRESENT"]}]),
        answer(results=[{"values": ["rent", "own"]}]),
        answer(metadata={}),
    ],
)
def test_an_answer_that_is_not_feasts_is_a_failure(body: bytes) -> None:
    with pytest.raises(StoreError, match="can't be read"):
        found_in(body, [1, 2], ["home"])
