"""The estimator as it was logged: scikit-learn's, or anything else with `predict`.

One that has `table_of` makes of the rows what it reads, and gets no DataFrame.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from serving.runtime.engines.classifier import Classifier
from serving.runtime.engines.engine import Outputs
from serving.runtime.engines.table import table_maker
from serving.runtime.identity import ModelKind
from serving.runtime.model_files import LoadedModel
from serving.runtime.rows import Rows

Answer = Callable[[Any], Outputs]


class NativeEngine:
    """Answers rows as the estimator itself does."""

    name = "native"

    def __init__(self, model: LoadedModel, kind: ModelKind) -> None:
        self.classes: list[object] | None = None
        own_table = getattr(model.estimator, "table_of", None)
        self._table = own_table or table_maker(model.signature)
        if kind is ModelKind.CLASSIFICATION:
            classifier = Classifier(model.estimator)
            self.classes = None if classifier.classes is None else classifier.classes.tolist()
            self.output_names = _names("probabilities", has_it=classifier.has_probabilities)
            self._answer = _classifying(classifier)
        else:
            has_intervals = hasattr(model.estimator, "predict_interval")
            self.output_names = _names("intervals", has_it=has_intervals)
            self._answer = _estimating(model.estimator, has_intervals=has_intervals)

    def outputs(self, rows: Rows) -> Outputs:
        """Answer all rows; whatever the estimator raises passes through."""
        return self._answer(self._table(rows))


def _names(beside: str, *, has_it: bool) -> tuple[str, ...]:
    return ("predictions", beside) if has_it else ("predictions",)


def _classifying(classifier: Classifier) -> Answer:
    def answer(table: Any) -> Outputs:
        labels, probabilities = classifier.answer(table)
        outputs = {"predictions": _labels(labels)}
        if probabilities is not None:
            outputs["probabilities"] = _numbers(probabilities)
        return outputs

    return answer


def _estimating(estimator: Any, *, has_intervals: bool) -> Answer:
    """Regression, and effects: a number for each row, and an interval where there is one."""

    def answer(table: Any) -> Outputs:
        outputs = {"predictions": _numbers(estimator.predict(table))}
        if has_intervals:
            outputs["intervals"] = _numbers(estimator.predict_interval(table))
        return outputs

    return answer


def _labels(values: Any) -> np.ndarray:
    labels = np.ascontiguousarray(values)
    return labels.astype(object) if labels.dtype.kind in "US" else labels


def _numbers(values: Any) -> np.ndarray:
    # XGBoost's probabilities of several rows lie column by column, which no serializer takes.
    return np.ascontiguousarray(values, dtype=np.float64)
