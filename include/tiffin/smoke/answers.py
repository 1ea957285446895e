"""Compares two answers of a model: what it said offline, and what the candidate says now."""

from __future__ import annotations

import math
from collections.abc import Mapping

RELATIVE_TOLERANCE = 1e-6
ABSOLUTE_TOLERANCE = 1e-9


def difference(expected: object, actual: object, path: str = "") -> str:
    """Return where the two first differ, as a sentence, or "" when they agree.

    Numbers may differ in their last digits, since another processor may add them up in another
    order. What only `actual` has is no difference: an answer says more than a prediction.
    """
    if isinstance(expected, Mapping):
        return _mapping_difference(expected, actual, path)
    if isinstance(expected, list):
        return _list_difference(expected, actual, path)
    if _is_number(expected) and _is_number(actual):
        close = math.isclose(
            float(str(expected)),
            float(str(actual)),
            rel_tol=RELATIVE_TOLERANCE,
            abs_tol=ABSOLUTE_TOLERANCE,
        )
        return "" if close else _said(path, expected, actual)
    same = type(expected) is type(actual) and expected == actual
    return "" if same else _said(path, expected, actual)


def _mapping_difference(expected: Mapping[str, object], actual: object, path: str) -> str:
    if not isinstance(actual, Mapping):
        return _said(path, "an object", actual)
    for key, value in expected.items():
        here = f"{path}.{key}" if path else key
        if key not in actual:
            return f"{here} is missing"
        found = difference(value, actual[key], here)
        if found:
            return found
    return ""


def _list_difference(expected: list[object], actual: object, path: str) -> str:
    if not isinstance(actual, list) or len(actual) != len(expected):
        return _said(path, f"a list of {len(expected)}", actual)
    pairs = zip(expected, actual, strict=True)
    found = (difference(one, other, f"{path}[{i}]") for i, (one, other) in enumerate(pairs))
    return next((sentence for sentence in found if sentence), "")


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _said(path: str, expected: object, actual: object) -> str:
    return f"{path or 'the answer'} is {str(actual)[:120]}, not {str(expected)[:120]}"
