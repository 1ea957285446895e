"""How patient a client is: small values that refuse what makes no sense when they are made."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from math import isfinite


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """How long a call may take, in seconds."""

    connect_s: float = 2.0
    """For a connection: until one of the pool is free, or a new one is made."""
    try_s: float = 10.0
    """For one try, from the first byte sent to the last one received."""
    total_s: float = 30.0
    """For the whole call: all tries and the waits between them."""

    def __post_init__(self) -> None:
        for name in ("connect_s", "try_s", "total_s"):
            _check_seconds(f"Timeouts.{name}", getattr(self, name))


@dataclass(frozen=True, slots=True, kw_only=True)
class Retries:
    """How often a failed try is made again, and after what wait."""

    tries: int = 3
    """The most tries of one call; 1 never repeats."""
    first_wait_s: float = 0.1
    """The longest wait before the second try; it doubles with each. The wait is a random share."""
    longest_wait_s: float = 2.0
    """What the doubling ends at."""
    share: float = 0.2
    """How many tries may be repetitions, for each call."""
    reserve: int = 10
    """How many repetitions may be saved up; a new client has them all."""

    def __post_init__(self) -> None:
        _check_seconds("Retries.first_wait_s", self.first_wait_s)
        _check_seconds("Retries.longest_wait_s", self.longest_wait_s)
        if self.tries < 1:
            raise ValueError(f"Retries.tries must be 1 or more, not {self.tries}")
        if not 0 <= self.share <= 1:
            raise ValueError(f"Retries.share must be from 0 to 1, not {self.share}")
        if self.reserve < 1:
            raise ValueError(f"Retries.reserve must be 1 or more, not {self.reserve}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Circuit:
    """When a client stops asking a server that is down, and when it looks again."""

    failures: int = 5
    """After so many failed tries in a row nothing is sent any more."""
    pause_s: float = 30.0
    """After so many seconds one call is let through, to see whether the server is back."""

    def __post_init__(self) -> None:
        _check_seconds("Circuit.pause_s", self.pause_s)
        if self.failures < 1:
            raise ValueError(f"Circuit.failures must be 1 or more, not {self.failures}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Connections:
    """The connections that a client holds open; over gRPC it is one for all calls."""

    most: int = 100
    """So many requests may be on their way at once."""
    idle_s: float = 60.0
    """How long an unused one is kept. Less than the server keeps it: that is two minutes."""
    verify: ssl.SSLContext | bool = True
    """For https: a context with your own certificates; False trusts everybody."""

    def __post_init__(self) -> None:
        _check_seconds("Connections.idle_s", self.idle_s)
        if self.most < 1:
            raise ValueError(f"Connections.most must be 1 or more, not {self.most}")


def _check_seconds(name: str, value: float) -> None:
    if not (isfinite(value) and value > 0):
        raise ValueError(f"{name} must be a positive number of seconds, not {value}")
