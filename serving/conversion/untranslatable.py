"""The one error of a translation: this part of the model has no ONNX that we know of."""

from __future__ import annotations

import re

_LONGEST = 200


class UntranslatableError(ValueError):
    """`sentence` says which part, so that the report can say why the model stays native."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


def first_words(failure: Exception) -> str:
    """Return what somebody else's error says, short, and the same each time: without addresses."""
    said = re.sub(r" at 0x[0-9a-f]+", "", " ".join(str(failure).split()))
    return said[:_LONGEST]
