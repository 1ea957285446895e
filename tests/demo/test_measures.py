from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tiffin.demo.measures import (
    Answer,
    Ended,
    Outcome,
    Seen,
    entered,
    failed_at,
    last_answer,
    seconds_between,
    shares_over_time,
)
from tiffin.release.ledger import Entry, next_entry
from tiffin.release.phases import Phase

BEGUN = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)
GOOD = Outcome(
    seen=Seen(100, 0, ()),
    seconds=80.0,
    releases=(Ended("credit-risk-v2-1", "credit-risk", "2", "Successful", "Successful", "live"),),
    seconds_webhook_to_promoted=20.0,
    seconds_bad_canary_to_rolled_back=5.0,
    seconds_alert_to_last_bad_answer=0.1,
    live_version="1",
    expected_version="1",
)


def entry(seconds: float, kind: str, body: dict[str, Any]) -> Entry:
    return next_entry("credit-risk-v3-1", None, BEGUN + timedelta(seconds=seconds), kind, body)


def test_measures_from_the_first_share_to_the_verdict() -> None:
    entries = [
        entry(10.0, "phase", {"from": "Smoking", "to": "Ramping"}),
        entry(14.5, "error", {"code": "canary-worse"}),
        entry(15.0, "error", {"code": "release-ended"}),
    ]
    assert seconds_between(entered(entries, Phase.RAMPING), failed_at(entries)) == 4.5


def test_a_moment_that_never_came_is_not_measured_as_zero() -> None:
    assert entered([], Phase.WATCHING) is None
    assert math.isnan(seconds_between(1.0, None))


def test_finds_the_last_answer_of_a_revision_though_others_answered_later() -> None:
    answers = [Answer(1.0, 200, "v2"), Answer(3.0, 200, "v2"), Answer(9.0, 200, "v1")]
    assert last_answer(answers, "v2") == 3.0
    assert last_answer(answers, "v3") is None


def test_draws_each_revision_over_the_same_columns() -> None:
    answers = [Answer(float(at), 200, "v1" if at < 5 else "v2") for at in range(11)]
    pictures = shares_over_time(answers, columns=10)
    assert pictures == {"v1": "█████     ", "v2": "     █████"}


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"seen": Seen(100, 2, ())}, "2 requests failed"),
        ({"seen": Seen(0, 0, ())}, "no request was sent"),
        ({"live_version": "3"}, "version 3 is live, not 1"),
        (
            {"releases": (replace(GOOD.releases[0], phase="Error", reason="it timed out"),)},
            "credit-risk-v2-1 ended as Error, not Successful: it timed out",
        ),
    ],
)
def test_says_what_is_not_as_it_should_be(change: dict[str, Any], problem: str) -> None:
    assert replace(GOOD, **change).problems == (problem,)


def test_a_story_that_went_well_has_no_problems() -> None:
    assert GOOD.problems == ()
