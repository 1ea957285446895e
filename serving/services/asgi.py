"""The few words of ASGI that our applications are written in, and how a body is read."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from typing import Any

from serving.services.turned_away import CallerGoneError, TurnedAwayError

AsgiScope = MutableMapping[str, Any]
AsgiReceive = Callable[[], Awaitable[MutableMapping[str, Any]]]
AsgiSend = Callable[[MutableMapping[str, Any]], Awaitable[None]]
AsgiApp = Callable[[AsgiScope, AsgiReceive, AsgiSend], Awaitable[None]]
WHOLE_ANSWER = "tiffin.whole_answer"
"""The extension of ASGI by which our connections take a status, headers and body at once."""
SendWhole = Callable[[int, Iterable[tuple[bytes, bytes]], bytes], bool]
"""What it is called with; it returns False when `send` has to be used."""
Headers = Mapping[bytes, bytes]
"""A request's headers by their names in lower case; of two with one name the last counts."""


async def read_body(headers: Headers, receive: AsgiReceive, most: int) -> bytes:
    """Return the whole body; one of more than `most` bytes isn't read to its end."""
    if b"content-encoding" in headers:
        _refuse_encoding(headers[b"content-encoding"])
    if int(headers.get(b"content-length", b"0")) > most:
        raise _too_large(most)
    message = await receive()
    body: bytes = message.get("body", b"")
    if message.get("more_body"):
        body = await _read_on(body, receive, most)
    if message["type"] == "http.disconnect":
        raise CallerGoneError
    if len(body) > most:
        raise _too_large(most)
    return body


async def _read_on(first: bytes, receive: AsgiReceive, most: int) -> bytes:
    parts, size, more = [first], len(first), True
    while more and size <= most:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise CallerGoneError
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        more = bool(message.get("more_body"))
    return b"".join(parts)


def _too_large(most: int) -> TurnedAwayError:
    return TurnedAwayError(413, f"the body is larger than {most} bytes; send fewer rows")


def _refuse_encoding(encoding: bytes) -> None:
    if encoding.strip().lower() != b"identity":
        named = encoding[:40].decode("latin-1")
        raise TurnedAwayError(415, f"send the body as it is, without content-encoding {named}")
