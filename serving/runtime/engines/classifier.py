"""A classifier's labels and probabilities, without computing anything twice.

`predict` and `predict_proba` of a pipeline each transform all rows, and `predict` of a forest is
`predict_proba` and the place of the largest. Where the answer is the same by definition, the
second computation is spared; that halves what a row costs.
"""

from __future__ import annotations

from typing import Any

import numpy as np

_LABEL_IS_MOST_PROBABLE = {
    "sklearn.calibration.CalibratedClassifierCV",
    "sklearn.ensemble._bagging.BaggingClassifier",
    "sklearn.ensemble._forest.ExtraTreesClassifier",
    "sklearn.ensemble._forest.RandomForestClassifier",
    "lightgbm.sklearn.LGBMClassifier",
}
"""Classifiers whose `predict` is written so; for others, ties and thresholds may differ."""


class Classifier:
    """A fitted classifier, taken apart as far as that is safe."""

    def __init__(self, estimator: Any) -> None:
        classes = getattr(estimator, "classes_", None)
        self.classes = None if classes is None else np.asarray(classes)
        self._before, self._last = _parts(estimator)
        self.has_probabilities = hasattr(estimator, "predict_proba")
        self._by_probability = self.has_probabilities and _label_is_most_probable(self._last)

    def answer(self, table: Any) -> tuple[Any, Any | None]:
        """Return the labels, and the probabilities where the classifier knows them."""
        if self._before is not None:
            table = self._before.transform(table)
        if not self.has_probabilities:
            return self._last.predict(table), None
        probabilities = self._last.predict_proba(table)
        if self._by_probability and self.classes is not None:
            return self.classes.take(np.argmax(probabilities, axis=1)), probabilities
        return self._last.predict(table), probabilities


def _parts(estimator: Any) -> tuple[Any | None, Any]:
    """Return a pipeline's transformers, as one pipeline, and its classifier."""
    if _name(estimator) != "sklearn.pipeline.Pipeline" or len(estimator.steps) < 2:
        return None, estimator
    return estimator[:-1], estimator.steps[-1][1]


def _label_is_most_probable(classifier: Any) -> bool:
    if callable(getattr(classifier, "objective", None)):  # LightGBM then answers raw scores
        return False
    if getattr(classifier, "n_outputs_", 1) != 1:
        return False
    return _name(classifier) in _LABEL_IS_MOST_PROBABLE


def _name(estimator: Any) -> str:
    kind = type(estimator)
    return f"{kind.__module__}.{kind.__qualname__}"
