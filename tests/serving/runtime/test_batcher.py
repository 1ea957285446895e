from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.runtime.batcher import NaturalBatcher, QueueLimits
from serving.runtime.engines.engine import Outputs
from serving.runtime.errors import ModelAnswerError, OverloadedError
from serving.runtime.pace import Pace
from serving.runtime.rows import Rows
from tests.serving.runtime.held_model import (
    BAD,
    Counted,
    FixedPace,
    HeldModel,
    predictions,
    results_of,
    rows_of,
    settle,
)

SLOW = (0.01, 1e-6)
QUICK = (1e-5, 1e-6)
"""990 rows are quick."""


def on_a_loop(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    @wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        asyncio.run(asyncio.wait_for(test(*args, **kwargs), 60))

    return run


def batcher_of(
    model: Callable[[Rows], Outputs], pace: tuple[float, float] = SLOW, **limits: Any
) -> NaturalBatcher:
    return NaturalBatcher(model, FixedPace(*pace), QueueLimits(**limits), Counted())


def ask(batcher: NaturalBatcher, *first_cells: float) -> asyncio.Task[Outputs]:
    return asyncio.create_task(batcher.answer(rows_of(*first_cells)))


@on_a_loop
async def test_what_queues_during_a_call_is_the_next_call() -> None:
    model = HeldModel()
    batcher = batcher_of(model)
    tasks = [ask(batcher, 0)]
    await model.started()
    tasks += [ask(batcher, number) for number in range(1, 6)]
    await settle()
    assert model.calls == [[0]]
    model.let_go(2)
    answers = [predictions(await task) for task in tasks]
    assert answers == [[0], [1], [2], [3], [4], [5]]
    assert model.calls == [[0], [1, 2, 3, 4, 5]]


@on_a_loop
async def test_an_idle_model_waits_for_nobody() -> None:
    model = HeldModel(is_open=True)
    batcher = batcher_of(model)
    for number in range(3):
        assert predictions(await batcher.answer(rows_of(number))) == [number]
    assert model.sizes == [1, 1, 1]


@on_a_loop
async def test_a_call_has_no_more_rows_than_allowed_and_the_order_is_kept() -> None:
    model = HeldModel()
    batcher = batcher_of(model, batch_rows=3)
    tasks = [ask(batcher, 0)]
    await model.started()
    tasks += [ask(batcher, *numbers) for numbers in [(1, 2), (3,), (4, 5), (6,), (7,)]]
    await settle()
    model.open()
    await results_of(tasks)
    assert model.calls == [[0], [1, 2, 3], [4, 5, 6], [7]]


@on_a_loop
async def test_rows_that_take_long_are_not_all_put_into_one_call() -> None:
    model = HeldModel(is_open=True)
    batcher = batcher_of(model, pace=(0.001, 0.02))
    await batcher.answer(rows_of(*range(12)))
    assert model.sizes == [5, 5, 2]


@on_a_loop
async def test_calls_are_made_one_at_a_time_and_not_on_the_event_loop() -> None:
    model = HeldModel(is_open=True)
    batcher = batcher_of(model, batch_rows=2)
    await results_of([ask(batcher, number) for number in range(40)])
    assert model.most_at_once == 1
    assert len(model.threads) == 1
    assert threading.get_ident() not in model.threads


def test_a_quick_call_is_made_at_once_without_an_event_loop_even() -> None:
    model = HeldModel(is_open=True)
    answer = batcher_of(model, pace=QUICK).answer(rows_of(4))
    with pytest.raises(StopIteration) as done:
        answer.send(None)
    assert predictions(done.value.value) == [4]
    assert model.threads == {threading.get_ident()}


@on_a_loop
async def test_many_rows_of_a_quick_model_do_not_hold_up_the_event_loop() -> None:
    model = HeldModel(is_open=True)
    batcher = batcher_of(model, pace=QUICK, batch_rows=5000)
    await batcher.answer(rows_of(*range(2000)))
    assert threading.get_ident() not in model.threads


@on_a_loop
async def test_a_quick_call_waits_for_the_call_that_is_being_made() -> None:
    model = HeldModel()
    batcher = batcher_of(model, pace=QUICK, batch_rows=5000)
    large = ask(batcher, *range(2000))
    await model.started()
    small = [ask(batcher, number) for number in (1, 2)]
    await settle()
    assert model.sizes == [2000]
    model.open()
    await results_of([large, *small])
    assert model.sizes == [2000, 2]
    assert model.most_at_once == 1
    assert threading.get_ident() in model.threads  # the two together were quick again


@on_a_loop
async def test_a_large_request_takes_turns_with_those_who_came_after_it() -> None:
    model = HeldModel()
    batcher = batcher_of(model, batch_rows=4)
    first = ask(batcher, 0)
    await model.started()
    large = ask(batcher, *range(10, 20))
    small = [ask(batcher, 1), ask(batcher, 2)]
    await settle()
    model.open()
    await results_of([first, large, *small])
    assert model.calls == [[0], [10, 11, 12, 13], [1, 2], [14, 15, 16, 17], [18, 19]]
    assert predictions(await large) == list(range(10, 20))


@on_a_loop
async def test_one_bad_row_fails_its_own_caller_alone() -> None:
    model = HeldModel()
    batcher = batcher_of(model)
    first = ask(batcher, 0)
    await model.started()
    tasks = [ask(batcher, *cells) for cells in [(1,), (2, 3), (4, BAD), (5,), (6,), (7, 8)]]
    await settle()
    model.open()
    answers = await results_of([first, *tasks])
    failed = answers.pop(3)
    assert isinstance(failed, ValueError)
    assert [predictions(answer) for answer in answers] == [[0], [1], [2, 3], [5], [6], [7, 8]]


@on_a_loop
async def test_a_bad_row_costs_its_neighbours_few_calls() -> None:
    model = HeldModel()
    batcher = batcher_of(model)
    first = ask(batcher, 0)
    await model.started()
    tasks = [ask(batcher, BAD), *(ask(batcher, number) for number in range(1, 64))]
    await settle()
    model.open()
    await results_of([first, *tasks])
    assert len(model.calls) < 16


@on_a_loop
async def test_a_bad_row_fails_also_where_calls_are_quick() -> None:
    batcher = batcher_of(HeldModel(is_open=True), pace=QUICK)
    with pytest.raises(ValueError, match="a bad row"):
        await batcher.answer(rows_of(BAD))
    assert predictions(await batcher.answer(rows_of(1))) == [1]


@on_a_loop
async def test_the_rest_of_a_large_request_that_failed_is_not_computed() -> None:
    model = HeldModel(is_open=True)
    batcher = batcher_of(model, batch_rows=2)
    with pytest.raises(ValueError, match="a bad row"):
        await batcher.answer(rows_of(BAD, 1, 2, 3, 4, 5))
    assert model.sizes == [2]


@on_a_loop
async def test_a_model_that_stops_with_stop_iteration_stops_nobody_else() -> None:
    def stop(rows: Rows) -> Outputs:
        if rows.cells[0][0] == BAD:
            raise StopIteration
        return {"predictions": np.zeros(rows.count)}

    batcher = batcher_of(stop)
    with pytest.raises(ModelAnswerError, match="StopIteration"):
        await batcher.answer(rows_of(BAD))
    assert predictions(await batcher.answer(rows_of(1))) == [0]


@on_a_loop
async def test_answers_to_pieces_that_do_not_fit_together_fail_their_own_caller_alone() -> None:
    def ragged(rows: Rows) -> Outputs:
        is_odd = rows.cells[0][0] == BAD
        return {"predictions": np.zeros((rows.count, 2)) if is_odd else np.zeros(rows.count)}

    batcher = batcher_of(ragged, batch_rows=1)
    odd, good = ask(batcher, 0, BAD), ask(batcher, 1)
    assert predictions(await good) == [0]
    with pytest.raises(ModelAnswerError, match="don't fit together"):
        await odd


@on_a_loop
async def test_quick_rows_of_several_callers_are_one_call() -> None:
    model = HeldModel(is_open=True)
    batcher = batcher_of(model, QUICK)
    several = [batcher.answer(rows_of(number), is_alone=False) for number in range(5)]
    assert [predictions(outputs) for outputs in await asyncio.gather(*several)] == [
        [number] for number in range(5)
    ]
    assert model.calls == [[0, 1, 2, 3, 4]]


@on_a_loop
async def test_nothing_is_computed_for_callers_who_went_away() -> None:
    model = HeldModel()
    batcher = batcher_of(model)
    first = ask(batcher, 0)
    await model.started()
    tasks = [ask(batcher, number) for number in (1, 2, 3)]
    await settle()
    tasks[1].cancel()
    await settle()
    model.open()
    assert predictions(await first) == [0]
    assert isinstance((await results_of(tasks))[1], asyncio.CancelledError)
    assert model.calls == [[0], [1, 3]]


@on_a_loop
@pytest.mark.parametrize("cells", [(0.0,), (0.0, 1.0, 2.0, 3.0)])
async def test_a_caller_who_goes_away_during_the_call_disturbs_nobody(
    cells: tuple[float, ...],
) -> None:
    model = HeldModel()
    batcher = batcher_of(model, batch_rows=2)
    leaving, staying = ask(batcher, *cells), ask(batcher, 9)
    await model.started()
    leaving.cancel()
    await settle()
    model.open()
    assert predictions(await staying) == [9]
    assert predictions(await batcher.answer(rows_of(5))) == [5]
    assert not any(2.0 in call for call in model.calls)


async def refused_after(batcher: NaturalBatcher, model: HeldModel) -> int:
    """Fill the queue behind a held call; return how many got in before one was refused."""
    tasks = [ask(batcher, 0)]
    await model.started()
    while True:
        tasks.append(ask(batcher, len(tasks)))
        await settle()
        if tasks[-1].done():
            refusal = tasks.pop().exception()
            assert isinstance(refusal, OverloadedError)
            assert refusal.retry_after_s > 0
            model.open()
            assert [predictions(await task) for task in tasks] == [
                [number] for number in range(len(tasks))
            ]
            return len(tasks) - 1


@on_a_loop
async def test_refuses_who_would_wait_too_long_and_answers_all_others() -> None:
    model = HeldModel()
    batcher = batcher_of(model, pace=(0.001, 0.02), wait_s=0.2)  # 22 ms for a call of one row
    assert await refused_after(batcher, model) == 10


@on_a_loop
async def test_takes_requests_again_as_soon_as_the_queue_is_shorter() -> None:
    model = HeldModel()
    batcher = batcher_of(model, pace=(0.001, 0.02), wait_s=0.2)
    await refused_after(batcher, model)
    assert predictions(await batcher.answer(rows_of(5))) == [5]


@on_a_loop
async def test_takes_fewer_when_a_busy_event_loop_begins_calls_late() -> None:
    model = HeldModel()
    batcher = batcher_of(model, pace=(0.001, 0.02), wait_s=0.2)
    began = time.perf_counter()
    first = ask(batcher, 0)
    await model.started()
    model.let_go()
    while model.at_once:
        time.sleep(0.001)  # nothing else may run
    time.sleep(5 * (time.perf_counter() - began))
    await first
    assert await refused_after(batcher, model) == 5


@on_a_loop
async def test_a_place_in_the_queue_is_free_once_its_caller_has_gone() -> None:
    model = HeldModel()
    batcher = batcher_of(model, pace=(0.001, 0.02), wait_s=0.2)
    tasks = [ask(batcher, 0)]
    await model.started()
    tasks += [ask(batcher, number) for number in range(1, 11)]
    await settle()
    with pytest.raises(OverloadedError):
        await batcher.answer(rows_of(11))
    tasks[5].cancel()
    await settle()
    tasks.append(ask(batcher, 12))
    await settle()
    assert not tasks[-1].done()
    model.open()
    assert predictions(await tasks[-1]) == [12]


@on_a_loop
async def test_a_slow_model_refuses_nobody_for_whom_there_is_room_in_the_next_call() -> None:
    model = HeldModel()
    batcher = batcher_of(model, pace=(60.0, 0.0001), wait_s=0.2)
    tasks = [ask(batcher, 0)]
    await model.started()
    tasks += [ask(batcher, number) for number in range(200)]
    await settle()
    assert not any(task.done() for task in tasks)
    model.open()
    await results_of(tasks)
    assert model.sizes == [1, 200]


@on_a_loop
async def test_refuses_what_would_take_too_much_memory_but_never_a_request_alone() -> None:
    model = HeldModel()
    size = rows_of(1).size_bytes
    batcher = batcher_of(model, queue_bytes=3 * size)
    assert await refused_after(batcher, model) == 2
    assert len(predictions(await batcher.answer(rows_of(*range(10))))) == 10


@on_a_loop
async def test_says_how_long_the_present_queue_takes() -> None:
    model = HeldModel()
    batcher = batcher_of(model, pace=(0.5, 1e-6), wait_s=0.9, batch_rows=1)
    tasks = [ask(batcher, 0)]
    await model.started()
    tasks += [ask(batcher, number) for number in range(2)]
    await settle()
    with pytest.raises(OverloadedError) as refused:
        await batcher.answer(rows_of(9))
    assert refused.value.retry_after_s == pytest.approx(1.5, abs=0.01)
    model.open()
    await results_of(tasks)


@on_a_loop
async def test_a_batch_that_lingers_is_called_once_it_is_full() -> None:
    model = HeldModel(is_open=True)
    batcher = batcher_of(model, pace=QUICK, linger_s=3600, batch_rows=3)
    tasks = [ask(batcher, number) for number in range(2)]
    await settle()
    assert model.calls == []
    tasks.append(ask(batcher, 2))
    await results_of(tasks)
    assert model.calls == [[0, 1, 2]]


@on_a_loop
async def test_a_batch_lingers_no_longer_than_it_may() -> None:
    model = HeldModel(is_open=True)
    batcher = batcher_of(model, linger_s=0.01, batch_rows=3)
    assert predictions(await batcher.answer(rows_of(1))) == [1]


@on_a_loop
async def test_is_idle_only_when_all_were_answered() -> None:
    model = HeldModel()
    batcher = batcher_of(model)
    await batcher.idle()
    task = ask(batcher, 0)
    await model.started()
    waiting = asyncio.create_task(batcher.idle())
    await settle()
    assert not waiting.done()
    model.open()
    await waiting
    assert predictions(await task) == [0]


@on_a_loop
async def test_tells_what_it_called_and_who_waited() -> None:
    model, told = HeldModel(), Counted()
    batcher = NaturalBatcher(model, Pace(*SLOW), QueueLimits(), told)
    tasks = [ask(batcher, 0)]
    await model.started()
    tasks += [ask(batcher, 1), ask(batcher, 2, 3)]
    await settle()
    model.open()
    await results_of(tasks)
    assert told.rows == [1, 3]
    assert len(told.waits) == 3
    assert min(told.waits) >= 0


CALLER = st.tuples(st.lists(st.sampled_from([BAD, 1.0, 2.0, 3.0]), min_size=1), st.booleans())


@settings(deadline=None, max_examples=60)
@given(
    callers=st.lists(CALLER, max_size=30),
    batch_rows=st.integers(1, 8),
    pace=st.sampled_from([SLOW, QUICK, (0.001, 0.02)]),
)
def test_whoever_stays_gets_their_own_answer_or_their_own_failure(
    callers: list[tuple[list[float], bool]], batch_rows: int, pace: tuple[float, float]
) -> None:
    async def scenario() -> None:
        model = HeldModel(is_open=True)
        batcher = batcher_of(model, pace=pace, batch_rows=batch_rows, wait_s=0.5)
        tasks = [ask(batcher, *cells) for cells, _ in callers]
        await asyncio.sleep(0)
        for task, (_, leaves) in zip(tasks, callers, strict=True):
            if leaves:
                task.cancel()
        for answer, (cells, leaves) in zip(await results_of(tasks), callers, strict=True):
            if isinstance(answer, ValueError):
                assert BAD in cells
            elif not isinstance(answer, BaseException):
                assert predictions(answer) == cells
            else:
                assert isinstance(answer, OverloadedError) or leaves
        await batcher.idle()
        assert predictions(await batcher.answer(rows_of(7))) == [7]  # nothing was left behind
        assert model.most_at_once <= 1
        assert max(model.sizes) <= batch_rows

    asyncio.run(scenario())
