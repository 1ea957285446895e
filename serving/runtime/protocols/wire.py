"""What a wire protocol is: a request's bytes to checked rows, and outputs to an answer's bytes.

Protocols are pure and hold nothing. Whoever owns the socket finds the model, checks the key,
limits the body and lets the model compute between `read` and `write`; errors of any kind go out
through `refuse`, in the shape that the protocol's clients understand.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import orjson

from serving.runtime.bad_input import BadInputError
from serving.runtime.engines.engine import Outputs
from serving.runtime.rows import Rows

if TYPE_CHECKING:
    from serving.runtime.served_model import ServedModel


@dataclass(frozen=True, slots=True)
class WireRequest:
    """What came in: the whole body, and the few headers that a protocol asked for."""

    body: bytes
    content_type: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    """By their names in lower case; `WireProtocol.headers` says which are wanted."""


@dataclass(frozen=True, slots=True)
class WireAnswer:
    """What goes out, ready to be sent."""

    status: int
    body: bytes
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Question:
    """Checked rows, and what the protocol's own `write` needs to answer them."""

    rows: Rows
    context: Any = None


class WireProtocol(Protocol):
    """One way to ask a model over HTTP."""

    @property
    def name(self) -> str:
        """How metrics call it; one of a few fixed words."""
        ...

    @property
    def headers(self) -> tuple[str, ...]:
        """The request headers that `read` looks at besides the content type, in lower case."""
        ...

    def read(self, request: WireRequest, model: ServedModel) -> Question:
        """Return the rows; raise BadInputError, and nothing else, for what the caller can mend."""
        ...

    def write(self, question: Question, outputs: Outputs, model: ServedModel) -> WireAnswer:
        """Return the answer to rows that the model has computed.

        Raises BadInputError, and nothing else, for outputs that were wanted and aren't there.
        """
        ...

    def refuse(self, status: int, sentence: str, path: str = "") -> WireAnswer:
        """Return an error in the protocol's own shape; `path` is where in the body it is."""
        ...


class UnsupportedMediaTypeError(BadInputError):
    """The body is of a type that the protocol does not speak: HTTP's 415."""

    def __init__(self, content_type: str, accepted: str) -> None:
        super().__init__("", f"send {accepted}, not {content_type[:80]}")


def status_of(refused: BadInputError) -> int:
    """Return HTTP's status for input that a protocol refused."""
    return 415 if isinstance(refused, UnsupportedMediaTypeError) else 400


def json_answer(status: int, fields: object) -> WireAnswer:
    """Return an answer with `fields` as JSON; arrays are written as lists."""
    return WireAnswer(status, to_json(fields))


def to_json(fields: object) -> bytes:
    """Write JSON; arrays of texts, which orjson does not know, go through lists."""
    return orjson.dumps(fields, default=_as_list, option=orjson.OPT_SERIALIZE_NUMPY)


def _as_list(value: Any) -> Any:
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"an answer can't hold {type(value).__name__}")
