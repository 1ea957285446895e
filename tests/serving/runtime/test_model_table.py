from __future__ import annotations

import asyncio
import gc
import weakref

import pytest
from prometheus_client import REGISTRY

from serving.runtime.errors import UnknownModelError
from serving.runtime.model_table import ModelTable
from serving.runtime.served_model import ServedModel
from tests.serving.runtime.held_model import predictions, settle
from tests.serving.runtime.small_models import OneEngine, model_of, one_row


def table_of(*names_and_versions: str) -> tuple[ModelTable, list[ServedModel]]:
    table, models = ModelTable(), []
    for each in names_and_versions:
        name, _, version = each.partition(":")
        models.append(model_of(name=name, version=version))
        table.put(models[-1])
    return table, models


def test_finds_by_name_and_version_and_else_the_newest_of_the_oldest_name() -> None:
    table, (a1, b1, a2) = table_of("a:1", "b:1", "a:2")
    assert table.find("a", "1") is a1
    assert table.find("a") is a2
    assert table.find("b") is b1
    assert table.find() is a2
    assert table.find(version="1") is a1
    assert table.all() == (a1, b1, a2)


def test_a_new_version_leaves_the_default_model_where_it_is() -> None:
    table, (_, _, a2) = table_of("a:1", "b:1", "a:2")
    asyncio.run(table.remove("a", "1"))
    assert table.find() is a2


def test_the_next_name_becomes_the_default_when_the_first_is_gone() -> None:
    table, (_, b1, _) = table_of("a:1", "b:1", "a:2")
    asyncio.run(table.remove("a"))
    assert table.find() is b1
    assert table.all() == (b1,)


@pytest.mark.parametrize(
    ("name", "version", "sentence"),
    [
        ("c", None, "the model 'c' is not loaded here; ask for a (version 1), b (version 1)"),
        ("a", "9", "the model 'a' in version '9' is not loaded here; ask for a (version 1), b"),
        (None, "9", "the default model in version '9' is not loaded here; ask for a (version 1)"),
    ],
)
def test_says_which_models_there_are(name: str | None, version: str | None, sentence: str) -> None:
    table, _ = table_of("a:1", "b:1")
    with pytest.raises(UnknownModelError) as unknown:
        table.find(name, version)
    assert unknown.value.sentence.startswith(sentence)


def test_an_empty_table_says_so() -> None:
    with pytest.raises(UnknownModelError, match="no model is loaded here"):
        ModelTable().find()


def test_repeats_only_the_start_of_a_long_name() -> None:
    with pytest.raises(UnknownModelError) as unknown:
        table_of("a:1")[0].find("n" * 5000, "9" * 5000)
    assert len(str(unknown.value)) < 300


def test_what_was_removed_can_not_be_removed_again() -> None:
    table, _ = table_of("a:1")
    asyncio.run(table.remove("a", "1"))
    with pytest.raises(UnknownModelError):
        asyncio.run(table.remove("a", "1"))


def test_returns_the_model_that_was_replaced() -> None:
    table, (old,) = table_of("a:1")
    new = model_of(name="a", version="1")
    assert table.put(new) is old
    assert table.find("a", "1") is new
    assert table.all() == (new,)


def test_models_that_are_out_of_the_table_are_out_of_the_metrics() -> None:
    def loaded() -> float | None:
        labels = {"model_name": "counted-out", "model_version": "1"}
        return REGISTRY.get_sample_value("model_loaded", labels)

    table, _ = table_of("counted-out:1")
    table.put(model_of(name="counted-out", version="1"))
    assert loaded() == 1
    asyncio.run(table.remove("counted-out"))
    assert loaded() == 0


def test_removing_waits_for_the_requests_of_that_model() -> None:
    async def scenario() -> None:
        table = ModelTable()
        table.put(model_of(OneEngine(is_slow=True), name="a"))
        asking = [asyncio.create_task(table.find("a").answer(one_row(n))) for n in range(5)]
        await settle()
        await table.remove("a")
        await settle()
        assert [predictions(await task) for task in asking if task.done()] == [
            [n] for n in range(5)
        ]
        with pytest.raises(UnknownModelError):
            table.find("a")

    asyncio.run(scenario())


def test_no_request_is_lost_while_versions_are_replaced() -> None:
    async def ask_on(table: ModelTable, seen: list[float]) -> None:
        while seen[-1] < 9:
            model = table.find("a")
            await asyncio.sleep(0)  # as if a body were still to be read
            seen += predictions(await model.answer(one_row(0)))

    async def scenario() -> None:
        table, seen = ModelTable(), [0.0]
        table.put(model_of(OneEngine(lambda _: 0.0), name="a", version="0"))
        callers = [asyncio.create_task(ask_on(table, seen)) for _ in range(8)]
        for version in range(1, 10):
            engine = OneEngine(lambda _, answer=version: float(answer), is_slow=version % 2 == 0)
            table.put(model_of(engine, name="a", version=str(version)))
            while version not in seen:  # the old one still has callers then
                await asyncio.sleep(0)
            await table.remove("a", str(version - 1))
        await asyncio.gather(*callers)
        assert set(seen) == set(map(float, range(10)))
        assert [model.identity.model_version for model in table.all()] == ["9"]

    asyncio.run(asyncio.wait_for(scenario(), 60))


def test_the_table_holds_nothing_of_what_was_removed_or_replaced() -> None:
    async def scenario() -> None:
        table = ModelTable()
        gone = [model_of(name="a", version=version) for version in ("1", "2")]
        for model in gone:
            table.put(model)
        left = [weakref.ref(model) for model in gone]
        del gone, model
        table.put(model_of(name="a", version="1"))
        await table.remove("a", "2")
        gc.disable()
        try:
            assert [ref() for ref in left] == [None, None]
        finally:
            gc.enable()

    asyncio.run(scenario())
