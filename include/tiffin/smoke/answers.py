"""Compares two answers of a model: what it said offline, and what the candidate says now."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from tiffin.services.spec import InferenceSpec

_SMALLEST_SCALE = 1e-4  # numbers below it are compared as if they were as large


@dataclass(frozen=True, slots=True)
class Closeness:
    """How far two numbers may be apart and still count as the same."""

    relative: float
    absolute: float
    probability: float
    """For what lies below `probabilities`, besides the others."""

    @classmethod
    def of(cls, inference: InferenceSpec) -> Closeness:
        """Return what a service allows; it is what the compiled model was accepted with."""
        if inference.engine == "native":
            return LAST_DIGITS
        allowed = inference.tolerance
        return cls(relative=allowed, absolute=allowed * _SMALLEST_SCALE, probability=allowed)

    def among_probabilities(self) -> Closeness:
        """Return how close probabilities have to be."""
        return replace(self, absolute=max(self.absolute, self.probability))

    def holds(self, expected: object, actual: object) -> bool:
        """Whether two numbers count as the same."""
        one, other = float(str(expected)), float(str(actual))
        return math.isclose(one, other, rel_tol=self.relative, abs_tol=self.absolute)


LAST_DIGITS = Closeness(relative=1e-6, absolute=1e-9, probability=1e-9)
"""Another processor may add numbers up in another order."""


def difference(
    expected: object, actual: object, closeness: Closeness = LAST_DIGITS, path: str = ""
) -> str:
    """Return where the two first differ, as a sentence, or "" when they agree.

    What only `actual` has is no difference: an answer says more than a prediction.
    """
    if isinstance(expected, Mapping):
        return _mapping_difference(expected, actual, closeness, path)
    if isinstance(expected, list):
        return _list_difference(expected, actual, closeness, path)
    if _is_number(expected) and _is_number(actual):
        return "" if closeness.holds(expected, actual) else _said(path, expected, actual)
    same = type(expected) is type(actual) and expected == actual
    return "" if same else _said(path, expected, actual)


def _mapping_difference(
    expected: Mapping[str, object], actual: object, closeness: Closeness, path: str
) -> str:
    if not isinstance(actual, Mapping):
        return _said(path, "an object", actual)
    for key, value in expected.items():
        here = f"{path}.{key}" if path else key
        if key not in actual:
            return f"{here} is missing"
        close = closeness.among_probabilities() if key == "probabilities" else closeness
        found = difference(value, actual[key], close, here)
        if found:
            return found
    return ""


def _list_difference(
    expected: list[object], actual: object, closeness: Closeness, path: str
) -> str:
    if not isinstance(actual, list) or len(actual) != len(expected):
        return _said(path, f"a list of {len(expected)}", actual)
    pairs = zip(expected, actual, strict=True)
    found = (
        difference(one, other, closeness, f"{path}[{i}]") for i, (one, other) in enumerate(pairs)
    )
    return next((sentence for sentence in found if sentence), "")


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _said(path: str, expected: object, actual: object) -> str:
    return f"{path or 'the answer'} is {str(actual)[:120]}, not {str(expected)[:120]}"
