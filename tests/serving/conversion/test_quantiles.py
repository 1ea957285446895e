"""What the zoo doesn't show: quantiles that cross, and a margin that would turn the interval."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.ensemble import GradientBoostingRegressor

from serving.models.quantiles import QuantileIntervalRegressor
from serving.runtime.identity import ModelKind
from tests.serving.conversion.test_translation import answers
from tests.serving.conversion.zoo import diabetes


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 2, 0)])
@pytest.mark.parametrize("margin", [20.0, -200.0])
def test_compiled_quantiles_are_put_in_order_as_the_model_does(
    tmp_path: Path, order: tuple[int, ...], margin: float
) -> None:
    features, truth = diabetes()
    model = QuantileIntervalRegressor(GradientBoostingRegressor(n_estimators=10, random_state=0))
    model.fit(features, truth)
    model.predictors_ = [model.predictors_[place] for place in order]
    model.margin_ = margin
    found = answers(tmp_path, model, features, ModelKind.REGRESSION)
    np.testing.assert_allclose(found["predictions"], model.predict(features), rtol=1e-12)
    np.testing.assert_allclose(found["intervals"], model.predict_interval(features), rtol=1e-12)
