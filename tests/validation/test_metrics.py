from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiffin.services.spec import MetricGate
from tiffin.validation.check import Outcome
from tiffin.validation.metrics import check_metrics, read_gate


def passes(value, champion=None, **gate) -> bool:
    metrics = {} if value is None else {"m": value}
    beside = None if champion is None else {"m": champion}
    reading = read_gate(MetricGate(name="m", **gate), metrics, beside)
    assert (check_metrics((reading,)).outcome is Outcome.PASSED) == reading.passed
    return reading.passed


@pytest.mark.parametrize(("value", "champion", "gate", "good"), [
    (0.80, None, {"floor": 0.8}, True),
    (0.79, None, {"floor": 0.8}, False),
    (0.79, 0.81, {"slack": 0.03}, True),
    (0.77, 0.81, {"slack": 0.03}, False),
    (0.77, None, {"slack": 0.03}, True),
    (0.85, 0.95, {"floor": 0.8, "slack": 0.03}, False),
    (0.79, 0.75, {"floor": 0.8, "slack": 0.03}, False),
    (10.0, None, {"floor": 12, "smaller_is_better": True}, True),
    (13.0, None, {"floor": 12, "smaller_is_better": True}, False),
    (11.0, 8.0, {"floor": 12, "slack": 1, "smaller_is_better": True}, False),
    (None, None, {"floor": 0.8}, False),
    (None, None, {}, False),
    (math.nan, None, {"floor": 0.8}, False),
    (math.inf, None, {"floor": 0.8}, False),
    (0.81, math.nan, {"floor": 0.8, "slack": 0.1}, True),
])  # fmt: skip
def test_a_metric_passes_its_floor_and_the_champion(value, champion, gate, good):
    assert passes(value, champion, **gate) is good


@given(
    value=st.floats(-1e6, 1e6),
    better=st.floats(0, 1e6),
    floor=st.floats(-1e6, 1e6),
    champion=st.floats(-1e6, 1e6),
    slack=st.floats(0, 1e6),
)
def test_a_better_value_never_fails_where_a_worse_one_passed(value, better, floor, champion, slack):
    gate = {"floor": floor, "slack": slack}
    assert passes(value + better, champion, **gate) or not passes(value, champion, **gate)


def test_says_which_metric_is_missing_and_which_is_too_low():
    gates = [MetricGate(name="auc", floor=0.8), MetricGate(name="f1", floor=0.5)]
    found = check_metrics(tuple(read_gate(gate, {"auc": 0.7}, {"auc": 0.9}) for gate in gates))
    assert "auc is 0.7 and must be at least 0.8 (the champion's is 0.9)" in found.sentence
    assert "f1 is missing" in found.sentence
