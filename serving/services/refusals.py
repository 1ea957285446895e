"""What a request that can't be answered is told: HTTP's status, a sentence, and what to count."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from serving.runtime.bad_input import BadInputError
from serving.runtime.errors import (
    FeaturesUnavailableError,
    OverloadedError,
    UnknownModelError,
)
from serving.runtime.metrics import PredictionMetrics
from serving.runtime.protocols.wire import status_of
from serving.services.turned_away import CallerGoneError, TurnedAwayError

OVERLOADED = 429
GONE = 499


@dataclass(frozen=True, slots=True)
class Refusal:
    """The end of a request without an answer from a model."""

    status: int
    sentence: str
    path: str = ""
    """Where in the body what is wrong is."""
    headers: tuple[tuple[str, str], ...] = ()

    def count(self, metrics: PredictionMetrics, protocol: str) -> None:
        """Count it; callers who have gone are nobody's error."""
        if self.status == OVERLOADED:
            metrics.shed(protocol)
        elif self.status >= 500:
            metrics.failed(protocol)
        elif self.status != GONE:
            metrics.refused(protocol)


def refusal_of(failure: Exception) -> Refusal:
    """Return what to tell of whatever a prediction raised; what isn't ours is the model's."""
    match failure:
        case BadInputError():
            return Refusal(status_of(failure), failure.sentence, failure.path)
        case TurnedAwayError():
            return Refusal(failure.status, failure.sentence, headers=failure.headers)
        case UnknownModelError():
            return Refusal(404, failure.sentence)
        case OverloadedError():
            retry_after = ("retry-after", str(max(1, ceil(failure.retry_after_s))))
            return Refusal(OVERLOADED, str(failure), headers=(retry_after,))
        case FeaturesUnavailableError():
            return Refusal(503, failure.sentence, headers=(("retry-after", "1"),))
        case CallerGoneError():
            return Refusal(GONE, "the caller has gone")
    kind = type(failure).__name__
    words = f"the model failed on this request with {kind}; the server's log has the whole story"
    return Refusal(500, words)
