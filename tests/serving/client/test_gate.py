from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from serving.client.breaker import Phase
from serving.client.errors import (
    BadRequestError,
    CircuitOpenError,
    Circumstances,
    UnreachableError,
)
from serving.client.gate import Gate
from serving.client.settings import Circuit, Retries

KNOWN = Circumstances("id", 1)


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def gate_that_is_open(clock: Clock) -> Gate:
    gate = Gate(Circuit(failures=1), Retries(), clock)
    with pytest.raises(UnreachableError), gate.trying(KNOWN):
        raise UnreachableError("down", KNOWN)
    return gate


def test_of_many_threads_one_probes() -> None:
    clock = Clock()
    gate = gate_that_is_open(clock)
    clock.now = 30
    together, tried = Barrier(16), Barrier(16)

    def knock() -> str:
        together.wait()
        try:
            with gate.trying(KNOWN):
                tried.wait()  # until all others were turned away
                return "probed"
        except CircuitOpenError:
            tried.wait()
            return "turned away"

    with ThreadPoolExecutor(16) as threads:
        ends = [future.result() for future in [threads.submit(knock) for _ in range(16)]]
    assert sorted(ends) == ["probed"] + ["turned away"] * 15
    assert gate.phase is Phase.CLOSED


def test_says_when_a_call_may_go_again() -> None:
    clock = Clock()
    gate = gate_that_is_open(clock)
    clock.now = 10
    with pytest.raises(CircuitOpenError, match=r"in 20\.0 s") as raised, gate.trying(KNOWN):
        pass
    assert raised.value.retry_after_s == 20
    assert raised.value.tries == 0


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, GeneratorExit, ValueError])
def test_a_probe_that_is_interrupted_leaves_its_place(interruption: type[BaseException]) -> None:
    clock = Clock()
    gate = gate_that_is_open(clock)
    clock.now = 30
    with pytest.raises(interruption), gate.trying(KNOWN):
        raise interruption
    assert gate.phase is Phase.HALF_OPEN
    with gate.trying(KNOWN):
        pass
    assert gate.phase is Phase.CLOSED


def test_a_refusal_closes_the_circuit_since_somebody_answered() -> None:
    clock = Clock()
    gate = gate_that_is_open(clock)
    clock.now = 30
    refused = BadRequestError("wrong", Circumstances("id", 1, status=400))
    with pytest.raises(BadRequestError), gate.trying(KNOWN):
        raise refused
    assert gate.phase is Phase.CLOSED


def test_nothing_is_repeated_while_the_circuit_is_open() -> None:
    assert not gate_that_is_open(Clock()).may_repeat()


def test_the_budget_is_counted_right_between_threads() -> None:
    gate = Gate(Circuit(), Retries(reserve=1, share=0.2))

    def call(_: int) -> int:
        gate.count_call()
        return gate.may_repeat()

    with ThreadPoolExecutor(8) as threads:
        repeated = sum(threads.map(call, range(1000)))
    assert repeated <= 201
