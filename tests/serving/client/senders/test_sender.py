from __future__ import annotations

import httpx
import pytest

from serving.client.errors import (
    BadAnswerError,
    BusyClientError,
    Circumstances,
    ClientError,
    TimedOutError,
    UnreachableError,
)
from serving.client.exchange import Attempt, Question
from serving.client.senders.sender import failure_of
from serving.client.settings import Timeouts

ATTEMPT = Attempt(Question("/predict", b""), Circumstances("id", 1), Timeouts(), 30.0)
KNOWN = {
    httpx.ConnectTimeout: UnreachableError,
    httpx.ReadTimeout: TimedOutError,
    httpx.WriteTimeout: TimedOutError,
    httpx.PoolTimeout: BusyClientError,
    httpx.ReadError: UnreachableError,
    httpx.WriteError: UnreachableError,
    httpx.ConnectError: UnreachableError,
    httpx.CloseError: UnreachableError,
    httpx.LocalProtocolError: UnreachableError,
    httpx.RemoteProtocolError: UnreachableError,
    httpx.ProxyError: UnreachableError,
    httpx.UnsupportedProtocol: UnreachableError,
    httpx.DecodingError: BadAnswerError,
    httpx.TooManyRedirects: UnreachableError,
}
"""All that httpx raises for a request; a new one has to be thought about, and put here."""


def leaves(kind: type) -> set[type]:
    below = kind.__subclasses__()
    return set().union(*map(leaves, below)) if below else {kind}


def test_every_error_of_httpx_is_known() -> None:
    named = {kind for kind in leaves(httpx.RequestError) if kind.__module__.startswith("httpx")}
    assert named == set(KNOWN)


@pytest.mark.parametrize("kind", KNOWN)
def test_an_error_of_httpx_is_one_of_ours(kind: type[httpx.RequestError]) -> None:
    failure = failure_of(kind("words"), ATTEMPT)
    assert type(failure) is KNOWN[kind]
    assert failure.request_id == "id"


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (TimeoutError(), TimedOutError, "no whole answer within 10 s"),
        (ConnectionRefusedError("refused"), UnreachableError, "refused"),
        (OSError(), UnreachableError, "OSError"),
    ],
)
def test_an_error_of_the_system_is_one_of_ours(
    error: Exception, kind: type[ClientError], words: str
) -> None:
    failure = failure_of(error, ATTEMPT)
    assert type(failure) is kind
    assert words in str(failure)
