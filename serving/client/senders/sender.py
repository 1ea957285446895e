"""What a sender is, and what the errors of the libraries below it mean."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import httpx

from serving.client.errors import (
    BadAnswerError,
    BusyClientError,
    ClientError,
    TimedOutError,
    UnreachableError,
)
from serving.client.exchange import Attempt, Reply


class Sender(Protocol):
    """Carries questions, for threads."""

    def send(self, attempt: Attempt) -> Reply:
        """Return the reply, whatever its status; raise ClientError when none came in time."""
        ...

    def close(self) -> None:
        """Close the connections; may be called twice."""
        ...


class AsyncSender(Protocol):
    """Carries questions, for the tasks of one event loop."""

    async def send(self, attempt: Attempt) -> Reply:
        """Return the reply, whatever its status; raise ClientError when none came in time."""
        ...

    async def aclose(self) -> None:
        """Close the connections; may be called twice."""
        ...


_KINDS: Mapping[type[Exception], type[ClientError]] = {
    httpx.PoolTimeout: BusyClientError,
    httpx.ConnectTimeout: UnreachableError,
    httpx.TimeoutException: TimedOutError,
    httpx.DecodingError: BadAnswerError,
    TimeoutError: TimedOutError,
}
"""All else that httpx and the operating system raise means that there is no connection."""


def failure_of(error: Exception, attempt: Attempt) -> ClientError:
    """Return what an error of httpx, of asyncio or of the operating system means."""
    kind = next((_KINDS[base] for base in type(error).__mro__ if base in _KINDS), UnreachableError)
    return kind(_sentence(kind, error, attempt), attempt.circumstances)


def _sentence(kind: type[ClientError], error: Exception, attempt: Attempt) -> str:
    if kind is TimedOutError:
        return f"no whole answer within {attempt.limit_s:.3g} s"
    if kind is BusyClientError:
        return f"no connection was free within {attempt.connect_limit_s:.3g} s"
    if kind is BadAnswerError:
        return f"the answer can't be decoded: {error}"
    return f"the server can't be reached: {str(error) or type(error).__name__}"
