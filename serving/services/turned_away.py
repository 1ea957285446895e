"""Why a request ends before a model sees it, other than by what its body says.

Exception
├── TurnedAwayError   refused: no key, too large, nothing there
└── CallerGoneError   nobody waits for the answer any more
"""

from __future__ import annotations


class TurnedAwayError(Exception):
    """Refused with HTTP's `status`; the sentence says what to do instead."""

    def __init__(self, status: int, sentence: str, *headers: tuple[str, str]) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence
        self.headers = headers


class CallerGoneError(Exception):
    """Nobody waits for the answer any more."""
