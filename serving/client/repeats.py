"""When a failed try is made again, and after what wait: tenacity's rules, for both twins.

A prediction changes nothing on the server, so asking twice is safe. It's repeated where that may
help (`is_worth_repeating`), after a random share of a wait that doubles, and not before the
server's Retry-After. It's not repeated when it's known that the call would end before, or when
the budget for repetitions is spent.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypedDict

from tenacity import RetryCallState, retry_if_exception
from tenacity.wait import wait_random_exponential

from serving.client.errors import ClientError
from serving.client.settings import Retries


class Rules(TypedDict):
    """What Retrying and AsyncRetrying are made with."""

    retry: retry_if_exception
    wait: Callable[[RetryCallState], float]
    stop: Callable[[RetryCallState], bool]
    reraise: bool


def rules_of(
    retries: Retries, left_s: Callable[[], float], may_repeat: Callable[[], bool]
) -> Rules:
    """Return the rules for one call, whose time is over in `left_s()` seconds.

    `may_repeat` takes a repetition out of the budget, so it's asked last.
    """

    def is_over(state: RetryCallState) -> bool:
        is_last = state.attempt_number >= retries.tries
        return is_last or state.upcoming_sleep >= left_s() or not may_repeat()

    backoff = wait_random_exponential(retries.first_wait_s, retries.longest_wait_s)
    return Rules(
        retry=retry_if_exception(_is_worth_repeating),
        wait=lambda state: backoff(state) + _asked_for_s(state),
        stop=is_over,
        reraise=True,
    )


def _is_worth_repeating(failure: BaseException) -> bool:
    return isinstance(failure, ClientError) and failure.is_worth_repeating


def _asked_for_s(state: RetryCallState) -> float:
    """Return the seconds that the server asked to wait; all who were told so come back later."""
    failure: Any = state.outcome.exception() if state.outcome else None
    return getattr(failure, "retry_after_s", None) or 0.0
