"""The effect of a treatment on each row, by a T-learner with bootstrap intervals.

Source: Künzel, Sekhon, Bickel, Yu, "Metalearners for estimating heterogeneous treatment effects
using machine learning", PNAS 116 (2019): the T-learner, and the normal approximated bootstrap
of its appendix (algorithm 6).
"""

from __future__ import annotations

from statistics import NormalDist
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.utils.validation import check_is_fitted


class TLearner(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Two regressors, one for the treated and one for the others; the effect is the difference.

    Valid where the treatment was given by lot, or by lot among rows that look alike. The
    intervals say how much the estimate would move with another sample; they know nothing of
    confounders that were never measured.
    """

    def __init__(
        self, estimator: Any, replicates: int = 50, coverage: float = 0.95, seed: int = 0
    ) -> None:
        self.estimator = estimator
        self.replicates = replicates
        self.coverage = coverage
        self.seed = seed

    def fit(self, table: Any, outcome: Any, treated: Any) -> TLearner:
        """Fit both regressors on all rows, and again on each bootstrap sample of them."""
        rows, outcome = np.asarray(table, dtype=float), np.asarray(outcome, dtype=float)
        groups = [np.flatnonzero(np.asarray(treated) == group) for group in (1, 0)]
        if not all(len(group) for group in groups):
            raise ValueError("an effect needs both treated and untreated rows")
        self.pair_ = self._fit_pair(rows, outcome, groups)
        random = np.random.default_rng(self.seed)
        self.bootstrap_pairs_ = [
            self._fit_pair(rows, outcome, [random.choice(group, len(group)) for group in groups])
            for _ in range(self.replicates)
        ]
        return self

    def _fit_pair(self, rows: Any, outcome: Any, groups: list[Any]) -> list[Any]:
        return [clone(self.estimator).fit(rows[group], outcome[group]) for group in groups]

    def predict(self, table: Any) -> np.ndarray:
        """Return the effect of the treatment on each row."""
        check_is_fitted(self)
        return _effect(self.pair_, np.asarray(table, dtype=float))

    def predict_interval(self, table: Any) -> np.ndarray:
        """Return one (low, high) pair per row: the effect and its bootstrap standard error."""
        middle, rows = self.predict(table), np.asarray(table, dtype=float)
        spread = np.std([_effect(pair, rows) for pair in self.bootstrap_pairs_], axis=0, ddof=1)
        reach = NormalDist().inv_cdf((1 + self.coverage) / 2) * spread
        return np.column_stack([middle - reach, middle + reach])


def _effect(pair: list[Any], rows: np.ndarray) -> np.ndarray:
    with_treatment, without = pair
    return np.asarray(with_treatment.predict(rows) - without.predict(rows), dtype=float)
