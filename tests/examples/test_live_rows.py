from __future__ import annotations

import json

import pytest

from examples.live_rows import bodies, features


@pytest.mark.parametrize("service", ["credit-risk", "house-prices", "job-training"])
def test_bodies_are_what_a_service_is_sent(service: str) -> None:
    parsed = [json.loads(body) for body in bodies(service, 5, rows=3)]
    assert len(parsed) == 5
    for body in parsed:
        rows = body["input_data"]["features"]
        assert len(rows) == 3
        assert all(list(row) == list(features(service).columns) for row in rows)


def test_the_same_seed_gives_the_same_bodies_and_another_gives_others() -> None:
    assert list(bodies("credit-risk", 20)) == list(bodies("credit-risk", 20))
    assert list(bodies("credit-risk", 20)) != list(bodies("credit-risk", 20, seed=1))


def test_callers_of_credit_risk_still_live_with_their_parents() -> None:
    drawn = list(bodies("credit-risk", 1000))
    assert 100 < sum('"home": "parents"' in body for body in drawn) < 250
