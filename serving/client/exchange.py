"""A question as it is sent and a reply as it comes, whatever carries them. Frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from serving.client.errors import Circumstances
from serving.client.settings import Timeouts


@dataclass(frozen=True, slots=True)
class Question:
    """What is posted."""

    path: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)

    def with_headers(self, headers: Mapping[str, str]) -> Question:
        """Return the question with these headers, too."""
        return replace(self, headers={**self.headers, **headers})


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back; over gRPC `status` is HTTP's that means the same."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try of a call: what to send, how long it may take, and what errors have to say of it."""

    question: Question
    circumstances: Circumstances
    timeouts: Timeouts
    left_s: float
    """What is left of the call's time."""

    @property
    def limit_s(self) -> float:
        """How long this try may take."""
        return min(self.timeouts.try_s, self.left_s)

    @property
    def connect_limit_s(self) -> float:
        """How long it may wait for a connection."""
        return min(self.timeouts.connect_s, self.left_s)


@dataclass(frozen=True, slots=True)
class Call:
    """One call of `predict`: the same question and request id for all its tries."""

    question: Question
    request_id: str
    timeouts: Timeouts
    deadline: float
    """The clock's time at which it ends."""

    def attempt(self, number: int, now: float) -> Attempt:
        """Return the try of that number, from 1."""
        known = Circumstances(self.request_id, number)
        return Attempt(self.question, known, self.timeouts, max(0.0, self.deadline - now))
