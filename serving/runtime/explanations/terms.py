"""An estimator taken apart into what an explainer can read: encoders, and a model behind them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from serving.models.conformal import ConformalRegressor
from serving.models.meta_learner import TLearner


@dataclass(frozen=True, slots=True)
class Term:
    """One model of which the estimator's answer is a sum; most estimators have one."""

    factor: float
    before: Any | None
    """The transformers in front of the model."""
    model: Any
    reads_array: bool = False
    """Whether it was fitted on a plain array."""

    def encoded(self, table: Any) -> np.ndarray:
        """Return what the model itself is shown for a table, shape (rows, encoded columns)."""
        read = np.asarray(table, dtype=float) if self.reads_array else table
        shown = read if self.before is None else self.before.transform(read)
        dense = shown.toarray() if hasattr(shown, "toarray") else shown
        return np.asarray(dense, dtype=float)


def terms_of(estimator: Any) -> list[Term]:
    """Return the models whose answers add up to the estimator's, as far as anyone knows."""
    if isinstance(estimator, ConformalRegressor):
        return terms_of(estimator.estimator_)
    if isinstance(estimator, TLearner):
        with_treatment, without = estimator.pair_
        return [_term(with_treatment, 1.0, True), _term(without, -1.0, True)]
    if hasattr(estimator, "best_estimator_"):  # a search over settings
        return terms_of(estimator.best_estimator_)
    return [_term(estimator, 1.0, False)]


def _term(estimator: Any, factor: float, reads_array: bool) -> Term:
    steps = getattr(estimator, "steps", None)
    if not steps:
        return Term(factor, None, estimator, reads_array)
    before = estimator[:-1] if len(steps) > 1 else None
    return Term(factor, before, steps[-1][1], reads_array)
