from __future__ import annotations

import multiprocessing

import pytest

from tests.serving.services.overload import measure, serve


@pytest.mark.timeout(120)
def test_twice_the_load_that_can_be_answered_costs_few_answers() -> None:
    receiver, sender = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(sender,))
    process.start()
    try:
        port, pid = receiver.recv(), process.pid or 0
        capacity = measure(port, pid, 5000, 2).good / 2
        at_most = measure(port, pid, capacity, 3)
        too_much = measure(port, pid, 2 * capacity, 3)
    finally:
        process.terminate()
        process.join()
    assert at_most.good > 0
    assert too_much.shed > 0
    assert at_most.lost == too_much.lost == 0
    # Of CPU time, so that it says the same on a busy machine; without shedding it is near 0.
    assert too_much.good_per_cpu_second > 0.75 * at_most.good_per_cpu_second
