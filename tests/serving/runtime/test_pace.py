from __future__ import annotations

import time

import numpy as np
import pytest

from serving.runtime.engines.engine import Outputs
from serving.runtime.pace import Pace, measured_pace
from serving.runtime.rows import Rows


class Sleeper:
    """An engine whose calls take their time."""

    name = "sleeper"
    classes = None
    output_names = ("predictions",)

    def __init__(self, call_s: float, row_s: float) -> None:
        self.call_s, self.row_s = call_s, row_s
        self.calls = 0

    def outputs(self, rows: Rows) -> Outputs:
        self.calls += 1
        time.sleep(self.call_s + rows.count * self.row_s)
        return {"predictions": np.zeros(rows.count)}


ROW = Rows(cells=[[1.0]])


def test_a_call_costs_what_its_rows_cost_and_once_what_a_call_does() -> None:
    pace = Pace(0.01, 0.001)
    assert pace.seconds(5) == pytest.approx(0.015)
    assert pace.seconds(5, calls=2) == pytest.approx(0.025)
    assert pace.rows_within(0.1) == 100


@pytest.mark.parametrize("truth", [0.2, 1.0, 5.0, 40.0])
def test_follows_a_machine_that_became_slower_or_faster(truth: float) -> None:
    pace = Pace(0.01, 0.001)
    for _ in range(60):
        pace.observe(10, truth * 0.02)
    assert pace.seconds(10) == pytest.approx(truth * 0.02, rel=0.01)


def test_one_interrupted_call_changes_little() -> None:
    pace = Pace(0.0001, 1e-6)
    pace.observe(1, 10.0)
    assert pace.seconds(1) < 0.00013


def test_measures_the_fixed_cost_and_the_cost_of_a_row() -> None:
    pace = measured_pace(Sleeper(0.004, 0.0005), ROW)
    assert pace.seconds(32) >= 0.02
    assert pace.seconds(1) < pace.seconds(32) / 2
    assert pace.quick_rows == 0


def test_a_slow_model_is_called_only_a_few_times() -> None:
    sleeper = Sleeper(0.13, 0.0)
    measured_pace(sleeper, ROW)
    assert sleeper.calls == 4


def test_only_a_model_that_is_quick_for_one_row_is_ever_quick() -> None:
    assert Pace(1e-5, 1e-6).quick_rows == 990
    assert Pace(3e-4, 1e-8).quick_rows == 0
    assert Pace(1e-5, 1e-3).quick_rows == 0


def test_being_quick_does_not_change_with_a_noisy_machine() -> None:
    pace = Pace(1e-5, 1e-6)
    for _ in range(100):
        pace.observe(1, 1.0)
    assert pace.quick_rows == 990


class Instant(Sleeper):
    def outputs(self, rows: Rows) -> Outputs:
        return {"predictions": np.zeros(rows.count)}


def test_a_model_that_takes_no_time_is_quick() -> None:
    pace = measured_pace(Instant(0, 0), ROW)
    assert pace.quick_rows > 100
