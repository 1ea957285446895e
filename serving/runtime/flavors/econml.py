"""econml's estimators of effects, which `mlflow.sklearn` saves: they have `effect`, no `predict`.

Nothing of econml is imported here: the pickle does that.
"""

from __future__ import annotations

from typing import Any

import numpy as np


class Effects:
    """Predicts the effect of treatment 1 against treatment 0."""

    def __init__(self, estimator: Any) -> None:
        self.estimator = estimator

    def predict(self, table: Any) -> np.ndarray:
        """Return one effect for each row."""
        return _flat(self.estimator.effect(table))


class EffectsWithIntervals(Effects):
    """An estimator that was fitted with inference; its intervals hold 95 %, econml's default."""

    def predict_interval(self, table: Any) -> np.ndarray:
        """Return the lower and the upper end for each row."""
        low, high = self.estimator.effect_interval(table)
        return np.column_stack([_flat(low), _flat(high)])


def knows_only_effects(estimator: Any) -> bool:
    """Whether this is an estimator as econml has them."""
    return hasattr(estimator, "effect") and not hasattr(estimator, "predict")


def with_effects_as_predictions(estimator: Any) -> Effects:
    """Return the estimator as one that has `predict`, and `predict_interval` where it knows it."""
    # econml has `effect_interval` always, and raises in it when there was no inference.
    if getattr(estimator, "_inference", None) is None:
        return Effects(estimator)
    return EffectsWithIntervals(estimator)


def _flat(effects: Any) -> np.ndarray:
    """Return effects on one outcome; econml gives (rows, 1) where it was fitted on (rows, 1)."""
    values = np.asarray(effects)
    if values.ndim == 1:
        return values
    if values[0].size != 1:
        raise ValueError(f"the model has {values[0].size} effects for each row; fit it for one")
    return values.reshape(-1)
