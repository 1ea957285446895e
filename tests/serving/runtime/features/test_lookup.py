from __future__ import annotations

import asyncio
import logging

import pytest
import uvloop

from serving.runtime.features.breaker import FAILURES_IN_A_ROW
from serving.runtime.features.feast_store import FeastStore
from serving.runtime.features.lookup import MOST_AT_ONCE, FeatureLookup
from serving.runtime.features.online_store import Found, Outcome, StoreError
from serving.runtime.features.section import FeastSection
from tests.serving.runtime.features.keyed import SilentStore, WatchedStore
from tests.serving.served_models import free_port


def outcome(answer: Found | StoreError) -> Outcome | None:
    return answer.outcome if isinstance(answer, StoreError) else None


def test_gives_what_the_store_has() -> None:
    async def scenario() -> None:
        found = await FeatureLookup(WatchedStore(), 30).read([2])
        assert found == {2: {"age": 40, "home": "own"}}

    uvloop.run(scenario())


def test_nobody_waits_longer_than_the_time_limit() -> None:
    async def scenario() -> None:
        answer = await FeatureLookup(SilentStore(), 0.02).read([1])
        assert outcome(answer) is Outcome.LATE
        assert str(answer) == "the feature store didn't answer within 20 ms"

    uvloop.run(scenario())


def test_a_store_that_is_late_again_and_again_is_left_alone() -> None:
    async def scenario() -> None:
        store = SilentStore()
        lookup = FeatureLookup(store, 0.001)
        for _ in range(FAILURES_IN_A_ROW):
            assert outcome(await lookup.read([1])) is Outcome.LATE
        assert outcome(await lookup.read([1])) is Outcome.SKIPPED
        assert store.asked == FAILURES_IN_A_ROW

    uvloop.run(scenario())


def test_a_store_that_is_down_fails_with_one_line_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scenario() -> None:
        down = FeastSection(url=f"http://127.0.0.1:{free_port()}", feature_service="credit")
        lookup = FeatureLookup(FeastStore(down, "customer_id", ["home"]), 30)
        outcomes = [outcome(await lookup.read([1])) for _ in range(FAILURES_IN_A_ROW + 1)]
        assert outcomes == [Outcome.FAILED] * FAILURES_IN_A_ROW + [Outcome.SKIPPED]
        await lookup.close()

    with caplog.at_level(logging.WARNING):
        uvloop.run(scenario())
    (told,) = caplog.messages
    assert "the feature store can't be reached (ClientConnectorError" in told


def test_questions_do_not_pile_up_at_a_slow_store() -> None:
    async def scenario() -> None:
        store = SilentStore()
        lookup = FeatureLookup(store, 30)
        asking = [asyncio.create_task(lookup.read([1])) for _ in range(MOST_AT_ONCE)]
        while store.asked < MOST_AT_ONCE:
            await asyncio.sleep(0)
        assert outcome(await lookup.read([1])) is Outcome.SKIPPED
        store.may_answer.set()
        assert await asyncio.gather(*asking) == [{}] * MOST_AT_ONCE
        assert await lookup.read([1]) == {}

    uvloop.run(scenario())


def test_a_caller_who_leaves_frees_the_place_and_is_no_failure() -> None:
    async def scenario() -> None:
        store = SilentStore()
        lookup = FeatureLookup(store, 30)
        for _ in range(2 * MOST_AT_ONCE):
            leaving = asyncio.create_task(lookup.read([1]))
            await asyncio.sleep(0)
            leaving.cancel()
            await asyncio.wait([leaving])
        store.may_answer.set()
        assert await lookup.read([1]) == {}

    uvloop.run(scenario())
