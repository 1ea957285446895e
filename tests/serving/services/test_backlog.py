from __future__ import annotations

import itertools

import pytest

from serving.services import backlog as module
from serving.services.backlog import Backlog


class Clock:
    """Seconds that a test lets pass."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "perf_counter", clock)
    return clock


def work_off(backlog: Backlog, clock: Clock, requests: int, cost_s: float) -> list[bool]:
    """Let so many come at once, then have their turns, each of which takes `cost_s`."""
    joined = [backlog.joined() for _ in range(requests)]
    in_time = []
    for joined_at in joined:
        in_time.append(backlog.begun(joined_at))
        clock.now += cost_s
    return in_time


def test_is_never_full_before_anything_is_known() -> None:
    backlog = Backlog(0.1)
    for _ in range(1000):
        assert not backlog.is_full
        backlog.joined()


def test_is_full_when_one_more_would_wait_too_long(clock: Clock) -> None:
    backlog = Backlog(0.1)
    for _ in range(20):
        work_off(backlog, clock, 50, cost_s=0.001)
    taken = next(n for n in itertools.count() if backlog.is_full or backlog.joined() < 0)
    assert 95 <= taken <= 105


def test_has_room_again_as_soon_as_it_was_worked_off(clock: Clock) -> None:
    backlog = Backlog(0.1)
    for _ in range(20):
        work_off(backlog, clock, 50, cost_s=0.001)
    waiting = []
    while not backlog.is_full:
        waiting.append(backlog.joined())
    backlog.begun(waiting.pop())
    assert not backlog.is_full


def test_takes_more_again_when_the_requests_become_cheaper(clock: Clock) -> None:
    backlog = Backlog(0.1)
    for _ in range(20):
        work_off(backlog, clock, 50, cost_s=0.01)
    for _ in range(20):
        work_off(backlog, clock, 50, cost_s=0.0001)
    for _ in range(500):
        backlog.joined()
    assert not backlog.is_full


def test_a_turn_that_comes_too_late_is_known_although_nothing_was_learned_yet(
    clock: Clock,
) -> None:
    in_time = work_off(Backlog(0.125), clock, 200, cost_s=1 / 1024)
    assert in_time == [True] * 129 + [False] * 71


def test_a_few_requests_at_once_are_never_too_many_however_slow_they_are(clock: Clock) -> None:
    backlog = Backlog(0.1)
    for _ in range(5):
        assert all(work_off(backlog, clock, 16, cost_s=10.0))
        assert not backlog.is_full


def test_a_queue_that_was_full_is_suspected_for_a_while(clock: Clock) -> None:
    backlog = Backlog(0.1)
    assert not backlog.suspects_a_full_queue
    backlog.queue_was_full()
    clock.now += 0.9
    assert backlog.suspects_a_full_queue
    clock.now += 0.2
    assert not backlog.suspects_a_full_queue
    assert not backlog.is_full
