from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from serving.models.conformal import ConformalRegressor, conformal_quantile


def test_intervals_hold_the_truth_as_often_as_promised() -> None:
    random = np.random.default_rng(3)
    rows = random.normal(size=(6000, 2))
    outcome = rows @ [1.0, -2.0] + random.standard_t(df=3, size=6000)
    model = ConformalRegressor(LinearRegression(), coverage=0.8).fit(rows[:3000], outcome[:3000])
    low, high = model.predict_interval(rows[3000:]).T
    covered = ((low <= outcome[3000:]) & (outcome[3000:] <= high)).mean()
    assert covered == pytest.approx(0.8, abs=0.04)


def test_the_quantile_is_the_one_that_makes_the_guarantee_exact() -> None:
    errors = np.arange(1.0, 10.0)
    assert conformal_quantile(errors, 0.8) == 8.0
    assert conformal_quantile(errors, 0.9) == 9.0


def test_refuses_a_promise_that_so_few_rows_can_not_keep() -> None:
    with pytest.raises(ValueError, match="too few"):
        conformal_quantile(np.arange(5.0), 0.9)
