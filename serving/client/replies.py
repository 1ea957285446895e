"""What a reply means: a prediction, or the error that its status and its words stand for. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from math import isfinite

import orjson

from serving.client.answers import Prediction
from serving.client.errors import (
    BadAnswerError,
    BadRequestError,
    Circumstances,
    ClientError,
    NotAllowedError,
    OverloadedError,
    ServerError,
    UnavailableError,
    UnknownModelError,
)
from serving.client.exchange import Reply
from serving.client.protocols.codec import Codec

REVISION_HEADER = "x-tiffin-revision"
_LONGEST = 500
"""Characters of an error page that is no sentence of ours."""
_ERRORS: Mapping[int, type[ClientError]] = {
    401: NotAllowedError,
    403: NotAllowedError,
    404: UnknownModelError,
    429: OverloadedError,
    502: UnavailableError,
    503: UnavailableError,
    504: UnavailableError,
}
_PATH = re.compile(r"((?:input_data|instances|inputs|outputs|dataframe_|raw_input)[^:]*): ")


def prediction_of(reply: Reply, codec: Codec, circumstances: Circumstances) -> Prediction:
    """Return what the model answered; raise the ClientError that any other reply means."""
    revision = reply.headers.get(REVISION_HEADER)
    known = replace(circumstances, status=reply.status, revision=revision)
    if reply.status != 200:
        raise _error_of(reply, known)
    try:
        fields = codec.fields(reply.body, reply.headers)
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        words = f"the answer is none of this protocol ({error}): {_start_of(reply.body)}"
        raise BadAnswerError(words, known) from error
    return Prediction(**fields, revision=revision, request_id=known.request_id, tries=known.tries)


def _error_of(reply: Reply, known: Circumstances) -> ClientError:
    """Return the error that a reply with another status than 200 stands for."""
    sentence, path = _words_of(reply.body)
    known = replace(known, path=path, retry_after_s=_seconds(reply.headers.get("retry-after")))
    kind = _ERRORS.get(reply.status, BadRequestError if 400 <= reply.status < 500 else ServerError)
    return kind(sentence or f"the server answered {reply.status} without a word", known)


def _words_of(body: bytes) -> tuple[str, str]:
    """Return the sentence of any protocol's error, and the path that it begins with."""
    try:
        fields = orjson.loads(body)
        sentence = str(fields.get("error") or fields.get("message") or "") or _start_of(body)
        path = fields.get("path")
    except (ValueError, AttributeError):
        sentence, path = _start_of(body), None
    found = _PATH.match(sentence)
    return sentence, str(path or (found[1] if found else ""))


def _start_of(body: bytes) -> str:
    return body[:_LONGEST].decode("utf-8", "replace").strip()


def _seconds(retry_after: str | None) -> float | None:
    """Return the seconds of Retry-After; a date, which no server of ours sends, is ignored."""
    try:
        seconds = float(retry_after or "none")
    except ValueError:
        return None
    return seconds if isfinite(seconds) and seconds >= 0 else None
