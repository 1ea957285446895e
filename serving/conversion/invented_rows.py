"""Rows that are not in the evaluation data, made from rows that are. Pure.

Evaluation data has been cleaned; callers have not. What a model does with a text it never saw,
or with a number beyond float32, has to survive the translation.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from serving.runtime.signature import InputSignature

_EACH = 3
"""How many rows are changed in each way."""

_TEXTS = ("", "a text that nobody has ever sent")
_NUMBERS = {
    "float64": (0.0, -1.0, 1e39, -1e39),  # float32 ends at 3.4e38
    "int64": (0, -1, 2**40),
}


def rows_with_unknown_texts(
    signature: InputSignature, cells: Sequence[list[Any]]
) -> list[list[Any]]:
    """Return rows in each of which one text is none that a model was trained on."""
    return [
        _changed(row, place, text)
        for place, column in enumerate(signature.columns)
        if column.type.dtype == "object"
        for text in _TEXTS
        for row in cells[:_EACH]
    ]


def rows_with_odd_numbers(signature: InputSignature, cells: Sequence[list[Any]]) -> list[list[Any]]:
    """Return rows in each of which one number is nothing, negative or huge."""
    return [
        _changed(row, place, number)
        for place, column in enumerate(signature.columns)
        for number in _NUMBERS.get(column.type.dtype, ())
        for row in cells[:_EACH]
    ]


def _changed(row: list[Any], place: int, value: Any) -> list[Any]:
    return [*row[:place], value, *row[place + 1 :]]
