"""Why there is no prediction.

    Exception
    └── ClientError
        ├── BadRequestError         the rows or the options are wrong: mend them, don't ask again
        ├── NotAllowedError         no API key, an unknown one, or one for something else
        ├── UnknownModelError       no such model, version, revision or path
        ├── OverloadedError         more is asked than the server can answer in time
        ├── ServerError             the model failed on this request alone
        │   ├── BadAnswerError      what came back is no answer of the protocol
        │   └── UnavailableError    the server is stopping, or the gateway found none
        ├── TimedOutError           no whole answer in time
        ├── UnreachableError        no connection, or it broke
        ├── BusyClientError         every connection of this client's pool was in use
        ├── CircuitOpenError        not even asked: the server failed again and again just now
        └── ClosedClientError       the client was closed

Each says by its class whether asking again may help and whether it speaks of an outage, which is
what the circuit breaker counts; `reason` is one of these few words, for a metric's label.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What is known of a call without an answer."""

    request_id: str
    """The id that was sent: the gateway's and the server's logs have it, too."""
    tries: int = 0
    """How many times the server was asked."""
    status: int | None = None
    """HTTP's status; over gRPC the one that means the same."""
    path: str = ""
    """Where in the body the wrong field is, in the words of the protocol."""
    retry_after_s: float | None = None
    """How long to wait before asking again, where the server or the circuit breaker says so."""
    revision: str | None = None
    """The Revision that answered."""


class ClientError(Exception):
    """There is no prediction; the sentence says why."""

    reason: ClassVar[str] = "client-error"
    is_worth_repeating: ClassVar[bool] = False
    is_outage: ClassVar[bool] = False

    def __init__(self, sentence: str, circumstances: Circumstances) -> None:
        super().__init__(sentence, circumstances)
        self.sentence = sentence
        self.circumstances = circumstances

    def __str__(self) -> str:
        known = self.circumstances
        tries = f", {known.tries} tries" if known.tries > 1 else ""
        return f"{self.sentence} (request {known.request_id}{tries})"

    @property
    def request_id(self) -> str:
        """The id that was sent."""
        return self.circumstances.request_id

    @property
    def tries(self) -> int:
        """How many times the server was asked."""
        return self.circumstances.tries

    @property
    def status(self) -> int | None:
        """HTTP's status, where there was an answer."""
        return self.circumstances.status

    @property
    def path(self) -> str:
        """Where in the body the wrong field is; empty where that isn't known."""
        return self.circumstances.path

    @property
    def retry_after_s(self) -> float | None:
        """Seconds to wait before asking again, where somebody said so."""
        return self.circumstances.retry_after_s


class BadRequestError(ClientError):
    """The rows or the options are wrong; `path` names the field."""

    reason = "bad-request"


class NotAllowedError(ClientError):
    """The API key is missing, unknown, or good for something else."""

    reason = "not-allowed"


class UnknownModelError(ClientError):
    """The server has no such model, version, revision or path; the sentence lists what it has."""

    reason = "unknown-model"


class OverloadedError(ClientError):
    """The server shed the request; `retry_after_s` says when there may be room."""

    reason = "overloaded"
    is_worth_repeating = True


class ServerError(ClientError):
    """The server failed on this request; the same rows would fail again."""

    reason = "server-error"


class BadAnswerError(ServerError):
    """The answer can't be read: something else than a model server may answer there."""

    reason = "bad-answer"


class UnavailableError(ServerError):
    """The server is stopping, or the gateway has none that is well."""

    reason = "unavailable"
    is_worth_repeating = True
    is_outage = True


class TimedOutError(ClientError):
    """There was no whole answer in time."""

    reason = "timed-out"
    is_worth_repeating = True
    is_outage = True


class UnreachableError(ClientError):
    """There was no connection, or it broke before the whole answer had come."""

    reason = "unreachable"
    is_worth_repeating = True
    is_outage = True


class BusyClientError(ClientError):
    """Every connection of the pool was in use: raise `Connections.most`, or ask less at once."""

    reason = "busy-client"


class CircuitOpenError(ClientError):
    """Nothing was sent, since the server failed again and again just now."""

    reason = "circuit-open"


class ClosedClientError(ClientError):
    """The client was closed before the call began."""

    reason = "closed-client"
