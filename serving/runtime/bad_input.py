"""The one error that a caller can mend: the request's body is not what the model reads."""

from __future__ import annotations


class BadInputError(ValueError):
    """The input is wrong at `path`; `sentence` says what was found and what to send instead."""

    def __init__(self, path: str, sentence: str) -> None:
        super().__init__(f"{path}: {sentence}" if path else sentence)
        self.path = path
        self.sentence = sentence
