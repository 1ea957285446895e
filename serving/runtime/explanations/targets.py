"""What of a model's answer is explained, and whether shares add up to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from serving.runtime.engines.engine import Outputs
from serving.runtime.explanations.attribution import Attribution
from serving.runtime.explanations.errors import NotExplainableError
from serving.runtime.identity import ModelKind

_TOLERANCE = 1e-4
"""XGBoost computes in float32."""
_BINARY = 2


@dataclass(frozen=True, slots=True)
class Explained:
    """Shares of one number for each row, and what that number is."""

    output: str
    base: np.ndarray
    """Shape (rows,)."""
    shares: np.ndarray
    """Shape (rows, columns)."""
    has_one_base: bool
    """False where each row is explained by a class of its own."""


def values_of(outputs: Outputs, kind: ModelKind) -> np.ndarray:
    """Return the numbers that can be explained, shape (rows, outputs)."""
    if kind is not ModelKind.CLASSIFICATION:
        return outputs["predictions"][:, None]
    if "probabilities" not in outputs:
        raise NotExplainableError(
            "this classifier knows no probabilities, so there is no number to explain; "
            "train it with predict_proba"
        )
    return outputs["probabilities"]


def explained(
    attribution: Attribution, values: np.ndarray, kind: ModelKind, classes: list[Any] | None
) -> Explained | None:
    """Say what the shares explain; None when they don't add up to what the model answered."""
    many = values.shape[1] > _BINARY
    picked = values.argmax(axis=1) if many else np.full(len(values), values.shape[1] - 1)
    shares, base = _of_output(attribution, picked, values.shape[1])
    if shares is None:
        return None
    rows = np.arange(len(values))
    label = classes[-1] if classes else values.shape[1] - 1
    for words, link in _readings(kind, label, many=many):
        if _add_up(link(base + shares.sum(axis=1)), values[rows, picked]):
            return Explained(words, base, shares, not many)
    return None


def _of_output(
    attribution: Attribution, picked: np.ndarray, outputs: int
) -> tuple[Any, np.ndarray]:
    """Return each row's shares and base for its own output."""
    known = attribution.shares.shape[2]
    if known == 1 and outputs <= _BINARY:
        picked = np.zeros_like(picked)
    elif known != outputs:
        return None, attribution.base
    return attribution.shares[np.arange(len(picked)), :, picked], attribution.base[picked]


_Link = Callable[[np.ndarray], np.ndarray]


def _readings(kind: ModelKind, label: object, *, many: bool) -> list[tuple[str, _Link]]:
    """Return what the sum of the shares may be, and how the model's answer follows from it."""
    if kind is ModelKind.REGRESSION:
        return [("prediction", _itself)]
    if kind is ModelKind.CAUSAL:
        return [("effect", _itself)]
    if many:
        return [("probability of the most probable class", _itself)]
    return [
        (f"probability of {label}", _itself),
        (f"log-odds of {label}", _probability),
    ]


def _itself(sums: np.ndarray) -> np.ndarray:
    return sums


def _probability(log_odds: np.ndarray) -> np.ndarray:
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * log_odds)))


def _add_up(sums: np.ndarray, values: np.ndarray) -> bool:
    atol = _TOLERANCE * float(np.abs(values).max()) + np.finfo(float).eps
    return bool(np.allclose(sums, values, rtol=0, atol=atol))
