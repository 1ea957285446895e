"""Prediction intervals around any regressor, by split conformal prediction.

Source: Papadopoulos, Proedrou, Vovk, Gammerman, "Inductive Confidence Machines for Regression",
ECML 2002; Lei, G'Sell, Rinaldo, Tibshirani, Wasserman, "Distribution-Free Predictive Inference
for Regression", JASA 113 (2018), algorithm 2.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.model_selection import train_test_split
from sklearn.utils.validation import check_is_fitted


class ConformalRegressor(RegressorMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """A regressor whose intervals hold the truth with probability of at least `coverage`.

    The guarantee needs only that new rows are exchangeable with the training rows; it holds on
    average over rows, not for each kind of row. `calibration` is the share of the training rows
    that the regressor does not see and that measure its errors instead.
    """

    def __init__(
        self, estimator: Any, coverage: float = 0.9, calibration: float = 0.25, seed: int = 0
    ) -> None:
        self.estimator = estimator
        self.coverage = coverage
        self.calibration = calibration
        self.seed = seed

    def fit(self, table: Any, outcome: Any) -> ConformalRegressor:
        """Fit the regressor on one part of the rows, and measure its errors on the other."""
        seen, unseen, seen_outcome, unseen_outcome = train_test_split(
            table, outcome, test_size=self.calibration, random_state=self.seed
        )
        self.estimator_ = clone(self.estimator).fit(seen, seen_outcome)
        errors = np.abs(np.asarray(unseen_outcome) - self.estimator_.predict(unseen))
        self.half_width_ = conformal_quantile(errors, self.coverage)
        return self

    def predict(self, table: Any) -> np.ndarray:
        """Return the regressor's own predictions."""
        check_is_fitted(self)
        return np.asarray(self.estimator_.predict(table), dtype=float)

    def predict_interval(self, table: Any) -> np.ndarray:
        """Return one (low, high) pair per row."""
        middle = self.predict(table)
        return np.column_stack([middle - self.half_width_, middle + self.half_width_])


def conformal_quantile(errors: np.ndarray, coverage: float) -> float:
    """Return the ceil((n + 1) coverage)-th smallest error, which makes the guarantee exact.

    Raises ValueError when there are too few errors to promise the coverage at all.
    """
    rank = math.ceil(round((len(errors) + 1) * coverage, 9))  # 99.9 / 100 is a little above 0.999
    if rank > len(errors):
        share = f"{coverage * 100:g} %"
        raise ValueError(f"{len(errors)} calibration rows are too few for {share} coverage")
    return float(np.sort(errors)[rank - 1])
