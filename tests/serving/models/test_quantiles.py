from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.linear_model import QuantileRegressor, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from serving.models.quantiles import QuantileIntervalRegressor


def noisier_to_the_right(rows: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(4)
    features = random.uniform(0, 1, size=(rows, 1))
    return features, features[:, 0] + random.normal(size=rows) * (0.1 + features[:, 0])


def boosted() -> Any:
    return GradientBoostingRegressor(n_estimators=60, max_depth=2, random_state=0)


def coverage_of(model: Any, features: np.ndarray, truth: np.ndarray) -> float:
    low, high = model.predict_interval(features).T
    return float(((low <= truth) & (truth <= high)).mean())


@pytest.mark.parametrize("conformal", [True, False])
def test_intervals_are_wider_where_rows_are_less_certain(*, conformal: bool) -> None:
    features, truth = noisier_to_the_right(4000)
    model = QuantileIntervalRegressor(boosted(), coverage=0.8, conformal=conformal)
    model.fit(features[:2000], truth[:2000])
    assert coverage_of(model, features[2000:], truth[2000:]) == pytest.approx(0.8, abs=0.05)
    low, high = model.predict_interval([[0.1], [0.9]]).T
    assert (high - low)[1] > 2 * (high - low)[0]


def test_conformal_correction_keeps_a_promise_that_the_quantiles_alone_break() -> None:
    features, truth = noisier_to_the_right(4000)
    overfitted = GradientBoostingRegressor(
        n_estimators=40, max_depth=6, learning_rate=0.4, random_state=0
    )
    found = {
        conformal: coverage_of(
            QuantileIntervalRegressor(overfitted, coverage=0.9, conformal=conformal).fit(
                features[:400], truth[:400]
            ),
            features[2000:],
            truth[2000:],
        )
        for conformal in (True, False)
    }
    assert found[False] < 0.8
    assert found[True] == pytest.approx(0.9, abs=0.06)


def test_quantiles_that_cross_are_put_in_order_and_hold_the_median() -> None:
    features, truth = noisier_to_the_right(300)
    model = QuantileIntervalRegressor(boosted(), conformal=False).fit(features, truth)
    right = model.predict(features), model.predict_interval(features)
    model.predictors_ = [model.predictors_[place] for place in (2, 0, 1)]
    assert np.array_equal(model.predict(features), right[0])
    assert np.array_equal(model.predict_interval(features), right[1])


def test_a_correction_that_narrows_never_leaves_the_median_outside() -> None:
    features, truth = noisier_to_the_right(300)
    model = QuantileIntervalRegressor(boosted()).fit(features, truth)
    model.margin_ = -100.0
    low, high = model.predict_interval(features).T
    assert np.array_equal(low, high)
    assert np.array_equal(low, model.predict(features))


def test_the_quantiles_of_a_pipeline_share_its_first_steps() -> None:
    features, truth = noisier_to_the_right(400)
    table = pd.DataFrame(features, columns=["size"])
    linear = QuantileRegressor(alpha=0.0)
    model = QuantileIntervalRegressor(make_pipeline(StandardScaler(), linear)).fit(table, truth)
    assert [type(step).__name__ for _, step in model.before_.steps] == ["StandardScaler"]
    assert [each.quantile for each in model.predictors_] == pytest.approx([0.05, 0.5, 0.95])
    assert coverage_of(model, table, truth) == pytest.approx(0.9, abs=0.05)


def test_a_regressor_without_quantiles_is_refused_by_name() -> None:
    features, truth = noisier_to_the_right(100)
    with pytest.raises(ValueError, match="Ridge can't be fitted to a quantile; take Gradient"):
        QuantileIntervalRegressor(Ridge()).fit(features, truth)


def test_too_few_rows_for_the_promise_are_refused() -> None:
    features, truth = noisier_to_the_right(20)
    with pytest.raises(ValueError, match="5 calibration rows are too few for 90 % coverage"):
        QuantileIntervalRegressor(boosted()).fit(features, truth)
