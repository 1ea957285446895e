from __future__ import annotations

from serving.runtime.features.breaker import FAILURES_IN_A_ROW, PAUSE_S, Breaker


def failed_at(now: float, times: int = FAILURES_IN_A_ROW) -> Breaker:
    breaker = Breaker()
    for _ in range(times):
        assert breaker.lets_through(now)
        breaker.failed(now)
    return breaker


def test_a_few_failures_are_no_reason_to_stop_asking() -> None:
    assert failed_at(10.0, FAILURES_IN_A_ROW - 1).lets_through(10.0)


def test_after_some_in_a_row_nobody_asks_for_a_while() -> None:
    breaker = failed_at(10.0)
    assert not breaker.lets_through(10.0)
    assert not breaker.lets_through(10.0 + 0.9 * PAUSE_S)


def test_then_one_asks_and_the_others_wait_for_what_becomes_of_it() -> None:
    breaker = failed_at(10.0)
    then = 10.0 + PAUSE_S
    assert breaker.lets_through(then)
    assert not breaker.lets_through(then)
    breaker.failed(then)
    assert not breaker.lets_through(then + 0.9 * PAUSE_S)
    assert breaker.lets_through(then + PAUSE_S)


def test_an_answer_ends_it() -> None:
    breaker = failed_at(10.0)
    assert breaker.lets_through(10.0 + PAUSE_S)
    breaker.answered()
    assert breaker.lets_through(10.0 + PAUSE_S)
    assert breaker.lets_through(10.0 + PAUSE_S)


def test_failures_that_are_not_in_a_row_do_not_add_up() -> None:
    breaker = failed_at(10.0, FAILURES_IN_A_ROW - 1)
    breaker.answered()
    breaker.failed(10.0)
    assert breaker.lets_through(10.0)
