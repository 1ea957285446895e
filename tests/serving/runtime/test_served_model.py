from __future__ import annotations

import asyncio
import gc
import math
import threading
import weakref
from pathlib import Path

import pytest

from serving.runtime.errors import ModelAnswerError
from serving.runtime.identity import Identity, ModelKind
from serving.runtime.rows import Rows
from serving.runtime.served_model import ServedModel, limits_of
from serving.runtime.settings import ServerSettings
from tests.serving.runtime.held_model import predictions, results_of, settle
from tests.serving.runtime.small_models import OneEngine, model_of, one_row
from tests.serving.served_models import ServedModels

CREDIT = Identity("credit-risk", "credit-risk", "7", "v7", ModelKind.CLASSIFICATION)


@pytest.mark.timeout(300)
def test_a_loaded_model_answers_its_own_example(served: ServedModels) -> None:
    model = ServedModel.load(served.artifact("credit-risk:v1"), CREDIT, ServerSettings())
    assert model.example is not None
    outputs = asyncio.run(model.answer(model.example))
    assert len(outputs["predictions"]) == len(outputs["probabilities"]) == 3
    assert (
        outputs["predictions"].tolist() == model.answer_now(model.example)["predictions"].tolist()
    )
    assert model.engine.classes == ["bad", "good"]


def test_a_folder_that_is_no_artifact_is_not_loaded(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no MLmodel file"):
        ServedModel.load(tmp_path, CREDIT, ServerSettings())


def test_the_settings_limit_the_queue() -> None:
    limits = limits_of(
        ServerSettings(
            max_batch_size=7, batch_timeout_ms=5, max_queue_seconds=0.5, max_queue_bytes=99
        )
    )
    assert (limits.batch_rows, limits.linger_s) == (7, 0.005)
    assert (limits.wait_s, limits.queue_bytes) == (0.5, 99)


def refuse(number: float) -> float:
    raise KeyError(number)


def test_a_model_that_can_not_answer_its_own_example_is_not_loaded() -> None:
    with pytest.raises(KeyError):
        model_of(OneEngine(refuse))
    with pytest.raises(ModelAnswerError, match="not all finite"):
        model_of(OneEngine(lambda number: math.nan))


def test_a_model_without_an_example_is_warmed_up_with_a_made_up_row() -> None:
    asked: list[float] = []

    def note(number: float) -> float:
        asked.append(number)
        return number

    model_of(OneEngine(note), example=None)
    assert set(asked) == {0.0}


def test_a_model_that_knows_no_made_up_row_is_loaded_all_the_same() -> None:
    def pick(number: float) -> float:
        return {5.0: 6.0}[number]

    model = model_of(OneEngine(pick), example=None)
    assert predictions(asyncio.run(model.answer(one_row(5.0)))) == [6.0]


def test_an_answer_that_can_not_be_sent_fails_its_own_request_alone() -> None:
    model = model_of(OneEngine(lambda number: math.inf if number < 0 else number, is_slow=True))

    async def scenario() -> None:
        tasks = [asyncio.create_task(model.answer(one_row(number))) for number in (1, -1, 2, 3)]
        answers = await results_of(tasks)
        assert isinstance(answers.pop(1), ModelAnswerError)
        assert [predictions(answer) for answer in answers] == [[1], [2], [3]]

    asyncio.run(scenario())


def test_a_quick_model_answers_in_the_callers_thread_and_a_slow_one_does_not() -> None:
    threads: set[int] = set()

    def note(number: float) -> float:
        threads.add(threading.get_ident())
        return number

    quick, slow = model_of(OneEngine(note)), model_of(OneEngine(note, is_slow=True))
    threads.clear()
    asyncio.run(quick.answer(one_row(1)))
    assert threads == {threading.get_ident()}
    threads.clear()
    asyncio.run(slow.answer(one_row(1)))
    assert threads.isdisjoint({threading.get_ident()})


def test_a_closed_model_still_answers_who_has_found_it() -> None:
    model = model_of(OneEngine(is_slow=True))

    async def scenario() -> None:
        asking = asyncio.create_task(model.answer(one_row(1)))
        await settle()
        model.close()
        assert predictions(await asking) == [1]
        assert predictions(await model.answer(one_row(2))) == [2]
        await model.idle()

    asyncio.run(scenario())


def test_nothing_of_a_model_is_left_when_the_last_one_lets_it_go() -> None:
    engine = OneEngine(is_slow=True)
    model, left = model_of(engine), weakref.ref(engine)
    asyncio.run(model.answer(Rows(cells=[[1.0, 2.0]] * 1000)))
    model.close()
    gc.disable()  # it goes by itself, and not only once the collector comes by
    try:
        del engine, model
        assert left() is None
    finally:
        gc.enable()
