"""What a model answered, the same value whichever protocol was spoken."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """One answer, with an entry for each row that was sent.

    A field that the model's kind or the protocol doesn't have is None.
    """

    predictions: tuple[Any, ...]
    """A label, a value or an effect for each row."""
    probabilities: tuple[tuple[float, ...], ...] | None = None
    """Classification: a probability for each of `classes`."""
    classes: tuple[Any, ...] | None = None
    intervals: tuple[tuple[float, float], ...] | None = None
    """Regression and effects: the lower and the upper end."""
    effects: tuple[float, ...] | None = None
    """Causal models: the treatment effect of each row."""
    average_effect: float | None = None
    model_name: str | None = None
    model_version: str | None = None
    revision: str | None = None
    """The Revision that answered, where the request went through Tiffin's gateway."""
    request_id: str = ""
    """The id that was sent."""
    tries: int = 1
    """How many times the server was asked."""
