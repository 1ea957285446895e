"""Why a model gave no answer to rows that were right.

    RuntimeError
    ├── ModelAnswerError            the model answered with what can't be sent: the model's fault
    ├── OverloadedError             it would take too long now: ask again later
    └── FeaturesUnavailableError    a column can't be looked up now: send it, or ask again later
    LookupError
    └── UnknownModelError           this server has no such model

What the caller sent wrong is a BadInputError; what the model itself raises passes as it is.
"""

from __future__ import annotations


class ModelAnswerError(RuntimeError):
    """The model answered with something that can't be sent: not a number, or too few rows."""


class OverloadedError(RuntimeError):
    """More is asked for than the model can answer in time; nothing was computed for this one."""

    def __init__(self, retry_after_s: float) -> None:
        super().__init__(f"the model is busy; ask again in {retry_after_s:.1f} seconds")
        self.retry_after_s = retry_after_s
        """Seconds until what is queued now will have been answered."""


class FeaturesUnavailableError(RuntimeError):
    """A column wasn't sent, the online store gave no answer, and there is no default."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class UnknownModelError(LookupError):
    """No model of that name or version is loaded; the sentence lists those that are."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence
