"""How good the answers are beside the truth, by the field's names. Pure, but for scikit-learn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tiffin.services.spec import Kind

SMALLER_IS_BETTER = frozenset({"log_loss", "mae", "rmse"})
GATES = {
    Kind.CLASSIFICATION: ("roc_auc", "accuracy"),
    Kind.REGRESSION: ("r2", "mae"),
    Kind.CAUSAL: ("average_effect",),
    Kind.BENTO: (),
}
"""Which metrics a service asks for, unless its owner says otherwise."""


def measured(kind: Kind, answer: Mapping[str, Any], truth: Sequence[Any]) -> dict[str, float]:
    """Return the metrics of an answer of `serving.runtime.offline_predict`.

    A metric that these rows don't have (the area under a curve, where the truth has one class
    only) is left out.
    """
    if kind is Kind.CAUSAL:
        return {"average_effect": float(answer["average_effect"])}
    if kind is Kind.CLASSIFICATION:
        return _of_labels(answer, truth)
    return _of_numbers(answer, truth)


def _of_labels(answer: Mapping[str, Any], truth: Sequence[Any]) -> dict[str, float]:
    from sklearn.metrics import accuracy_score, f1_score

    predicted = answer["predictions"]
    found = {
        "accuracy": float(accuracy_score(truth, predicted)),
        "f1_macro": float(f1_score(truth, predicted, average="macro", zero_division=0.0)),
    }
    probabilities, classes = answer.get("probabilities"), answer.get("classes")
    if probabilities and classes and set(truth) == set(classes):
        found |= _of_probabilities(probabilities, classes, truth)
    return found


def _of_probabilities(
    probabilities: Sequence[Sequence[float]], classes: Sequence[Any], truth: Sequence[Any]
) -> dict[str, float]:
    import numpy as np
    from sklearn.metrics import log_loss, roc_auc_score

    places = [classes.index(label) for label in truth]
    shares = np.asarray(probabilities)
    shares = shares / shares.sum(axis=1, keepdims=True)  # those of float32 models are a bit off
    if len(classes) == 2:
        area = roc_auc_score(places, shares[:, 1])
    else:
        area = roc_auc_score(places, shares, multi_class="ovr", labels=range(len(classes)))
    loss = log_loss(places, shares, labels=range(len(classes)))
    return {"roc_auc": float(area), "log_loss": float(loss)}


def _of_numbers(answer: Mapping[str, Any], truth: Sequence[float]) -> dict[str, float]:
    import numpy as np
    from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

    real, predicted = np.asarray(truth, dtype=float), np.asarray(answer["predictions"])
    found = {
        "mae": float(mean_absolute_error(real, predicted)),
        "rmse": float(root_mean_squared_error(real, predicted)),
    }
    if len(real) > 1:
        found["r2"] = float(r2_score(real, predicted))
    if intervals := answer.get("intervals"):
        low, high = np.asarray(intervals).T
        found["interval_coverage"] = float(((low <= real) & (real <= high)).mean())
    return found
