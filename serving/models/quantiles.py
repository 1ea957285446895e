"""Values with an interval, from three regressors that each predict a quantile.

The interval is as wide as the rows are uncertain, where split conformal's has one width. Source
of its correction: Romano, Patterson, Candès, "Conformalized Quantile Regression", NeurIPS 2019,
algorithm 1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from serving.models.conformal import conformal_quantile

_Settings = Callable[[float], Mapping[str, Any]]
_SETTINGS: Mapping[str, _Settings] = {
    "GradientBoostingRegressor": lambda share: {"loss": "quantile", "alpha": share},
    "HistGradientBoostingRegressor": lambda share: {"loss": "quantile", "quantile": share},
    "LGBMRegressor": lambda share: {"objective": "quantile", "alpha": share},
    "QuantileRegressor": lambda share: {"quantile": share},
}
"""How each kind of regressor is told which quantile to predict."""


class QuantileIntervalRegressor(RegressorMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Predicts the median, and an interval from a lower to an upper quantile.

    `estimator` is a GradientBoostingRegressor, HistGradientBoostingRegressor, LGBMRegressor or
    scikit-learn's QuantileRegressor, or a pipeline that ends in one. Quantiles that cross are put
    in order. `conformal` widens or narrows the interval by what is measured on the share
    `calibration` of the rows, which the quantiles do not see: then it holds the truth with
    probability of at least `coverage`, as far as new rows are exchangeable with these. Without,
    it is only as good as the quantiles are.
    """

    def __init__(
        self,
        estimator: Any,
        coverage: float = 0.9,
        conformal: bool = True,
        calibration: float = 0.25,
        seed: int = 0,
    ) -> None:
        self.estimator = estimator
        self.coverage = coverage
        self.conformal = conformal
        self.calibration = calibration
        self.seed = seed

    def fit(self, table: Any, outcome: Any) -> QuantileIntervalRegressor:
        """Fit the three quantiles, and measure how far the truth of unseen rows is outside.

        Raises ValueError for an estimator that has no quantiles, or for too few rows.
        """
        if not self.conformal:
            self.margin_ = 0.0
            return self._fit_quantiles(table, outcome)
        seen, unseen, seen_outcome, unseen_outcome = train_test_split(
            table, outcome, test_size=self.calibration, random_state=self.seed
        )
        self._fit_quantiles(seen, seen_outcome)
        low, _, high = self._quantiles(unseen).T
        truth = np.asarray(unseen_outcome, dtype=float)
        self.margin_ = conformal_quantile(np.maximum(low - truth, truth - high), self.coverage)
        return self

    def predict(self, table: Any) -> np.ndarray:
        """Return the median for each row."""
        return self._quantiles(table)[:, 1]

    def predict_interval(self, table: Any) -> np.ndarray:
        """Return one (low, high) pair per row; the median is never outside."""
        low, middle, high = self._quantiles(table).T
        return np.column_stack(
            [np.minimum(low - self.margin_, middle), np.maximum(high + self.margin_, middle)]
        )

    def _fit_quantiles(self, table: Any, outcome: Any) -> QuantileIntervalRegressor:
        before, final = _parts(self.estimator)
        self.before_ = None if before is None else clone(before).fit(table, outcome)
        rows = self._transformed(table)
        shares = ((1 - self.coverage) / 2, 0.5, (1 + self.coverage) / 2)
        self.predictors_ = [_at_quantile(final, share).fit(rows, outcome) for share in shares]
        return self

    def _quantiles(self, table: Any) -> np.ndarray:
        """Return the three quantiles for each row, the smallest first."""
        check_is_fitted(self)
        rows = self._transformed(table)
        return np.sort(np.column_stack([each.predict(rows) for each in self.predictors_]), axis=1)

    def _transformed(self, table: Any) -> Any:
        return table if self.before_ is None else self.before_.transform(table)


def _parts(estimator: Any) -> tuple[Any | None, Any]:
    """Return a pipeline's transformers, which the quantiles share, and its regressor."""
    if not isinstance(estimator, Pipeline):
        return None, estimator
    before = estimator[:-1] if len(estimator.steps) > 1 else None
    return before, estimator.steps[-1][1]


def _at_quantile(regressor: Any, share: float) -> Any:
    settings = _SETTINGS.get(type(regressor).__name__)
    if settings is None:
        raise ValueError(
            f"{type(regressor).__name__} can't be fitted to a quantile; take {', '.join(_SETTINGS)}"
        )
    return clone(regressor).set_params(**settings(share))
