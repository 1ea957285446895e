"""From a request's bytes to a JSON value, and the fields of its outermost objects."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

import orjson

from serving.runtime.bad_input import BadInputError
from serving.runtime.protocols.wire import UnsupportedMediaTypeError, WireRequest

_JSON = "application/json"


def json_of(request: WireRequest) -> object:
    """Return the request's JSON; a request that doesn't say its type is taken for JSON."""
    given = request.content_type
    if given and given != _JSON and media_type(given) != _JSON:
        raise UnsupportedMediaTypeError(given, _JSON)
    return parse_json(request.body)


def media_type(content_type: str) -> str:
    """Return the content type without its parameters, in lower case."""
    return content_type.partition(";")[0].strip().lower()


def parse_json(body: bytes | memoryview) -> object:
    """Parse JSON; raise BadInputError for what is none.

    NaN, Infinity and numbers beyond every float are let through, though no JSON, because the
    signature refuses them with the path of their cell.
    """
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return _parse_leniently(bytes(body))


def _parse_leniently(body: bytes) -> object:
    try:
        value = json.loads(body.decode("utf-8"))
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except RecursionError:
        raise BadInputError("", "the body is nested too deeply") from None
    except UnicodeDecodeError as error:
        raise BadInputError("", f"the body is not UTF-8 (byte {error.start})") from None
    except UnicodeEncodeError:
        raise BadInputError("", "the body has a text with half a surrogate pair") from None
    except json.JSONDecodeError as error:
        raise BadInputError("", f"the body is no JSON: {error}") from None
    except ValueError:  # a number of more than 4,300 digits
        raise BadInputError("", "the body has a number with too many digits") from None
    return value


class Fields:
    """The fields that an object must have and may have; nobody knows any other."""

    def __init__(self, *required: str, optional: tuple[str, ...] = ()) -> None:
        self._required = required
        self._least = frozenset(required)
        self._most = self._least.union(optional)

    def of(self, given: object, path: str = "") -> dict[str, Any]:
        """Return `given` as an object with these fields; raise BadInputError for what is none."""
        if type(given) is not dict:
            here = path or "the body"
            words = f'{here} must be an object such as {{"{self._required[0]}": ...}}'
            raise BadInputError(path, words)
        names = given.keys()
        if self._least <= names <= self._most:
            return given
        raise self._refusal(names, path)

    def _refusal(self, names: Collection[str], path: str) -> BadInputError:
        for name in names:
            if name not in self._most:
                words = f"unknown field; send {', '.join(self._required)}"
                return BadInputError(below(path, name[:80]), words)
        missing = next(name for name in self._required if name not in names)
        return BadInputError(below(path, missing), "this field is missing")


def below(path: str, name: str) -> str:
    """Return the path of a field of the object at `path`."""
    return f"{path}.{name}" if path else name
