from __future__ import annotations

from dataclasses import replace

import pytest

from serving.loadtest.stairs import (
    Limits,
    Stairs,
    Step,
    document,
    next_rate,
    saturation,
    steps_of,
    too_much,
    verdict,
)
from serving.loadtest.tally import Tally

LIMITS = Limits()
FINE = Step(100, 100, 0.0, 0.0, 1.0, 5.0, 0.2, 5.0)


def at(rate: float, **other: float) -> Step:
    return replace(FINE, offered=rate, answered=rate, **other)


def searched(capacity: float, stairs: Stairs) -> list[Step]:
    """Search a service that answers so much and sheds the rest."""
    steps: list[Step] = []
    while (rate := next_rate(steps, stairs, LIMITS)) is not None:
        shed = max(0.0, rate - capacity)
        steps.append(Step(rate, rate - shed, shed / rate, 0.0, 1.0, 5.0, 0.2, 5.0))
    return steps


def test_doubles_until_it_is_too_much_then_looks_closer():
    offered = [step.offered for step in searched(1000, Stairs(100, 20_000, between=4))]
    assert offered == [100, 200, 400, 800, 1600, 960, 1120]


def test_looks_no_further_than_between_the_last_two():
    offered = [step.offered for step in searched(1500, Stairs(100, 20_000, between=4))]
    assert offered[-4:] == [960, 1120, 1280, 1440]


def test_ends_at_the_highest_rate_that_is_wanted():
    offered = [step.offered for step in searched(1e9, Stairs(100, 500))]
    assert offered == [100, 200, 400, 500]


def test_ends_at_once_where_even_the_first_rate_is_too_much():
    steps = searched(50, Stairs(100))
    assert [step.offered for step in steps] == [100]
    assert saturation(steps, LIMITS) is None
    assert "no rate that the service keeps up with" in verdict(steps, LIMITS)


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        (replace(FINE, p99_ms=101), "p99 of 101 ms is over 100 ms"),
        (replace(FINE, shed_share=0.02), "sheds 2.0%"),
        (replace(FINE, failed_share=0.02), "2.0% of the requests fail"),
        (replace(FINE, answered=70), "only 70 are answered"),
        (replace(FINE, generator_share=0.95), "the service may well do more"),
    ],
)
def test_says_why_a_step_is_too_much(step, reason):
    assert reason in too_much(step, LIMITS)


def test_a_step_within_all_limits_is_fine():
    assert too_much(FINE, LIMITS) == ""


def test_fewer_requests_by_chance_are_no_sign():
    assert too_much(replace(FINE, answered=80), LIMITS) == ""
    assert too_much(replace(FINE, offered=10_000, answered=8_500), LIMITS) != ""


def test_the_saturation_point_is_the_most_that_was_answered_within_the_limits():
    steps = [at(100), at(200), at(400, p99_ms=500), at(300)]
    best = saturation(steps, LIMITS)
    assert best is not None
    assert best.answered == 300
    assert verdict(steps, LIMITS).startswith("Saturation: 300 requests/s")


def test_no_saturation_is_claimed_where_none_was_reached():
    told = document("http://here", [at(100), at(200)], LIMITS)
    assert told["saturation"] is None
    assert told["verdict"].startswith("Not saturated at the highest rate")


def test_a_document_gives_its_steps_back():
    steps = [at(100), at(200, p99_ms=500)]
    told = document("http://here", steps, LIMITS)
    assert steps_of(told) == steps
    assert told["saturation"]["answered"] == 100


def test_a_step_sums_up_what_was_counted():
    tally = Tally(generator_share=0.4)
    for _ in range(80):
        tally.add(200, 10)
    for status in [429] * 15 + [500] * 5:
        tally.add(status, 1)
    step = Step.of(50, tally, 2.0)
    assert (step.answered, step.shed_share, step.failed_share) == (40, 0.15, 0.05)
    assert step.generator_share == 0.4
