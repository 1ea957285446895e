"""What a protocol is to the client: rows to a question, and a reply's body to an answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import orjson

from serving.client.exchange import Question
from serving.client.rows import Table
from serving.client.tensors import UnsendableError

JSON = {"content-type": "application/json"}


@dataclass(frozen=True, slots=True)
class Target:
    """The model that is asked; None leaves it to the server."""

    model: str | None = None
    version: str | None = None


class Codec(Protocol):
    """One way to ask a model."""

    def question(self, table: Table, target: Target) -> Question:
        """Return what to post; raise UnsendableError for what the protocol can't say."""
        ...

    def fields(self, body: bytes, headers: Mapping[str, str]) -> dict[str, Any]:
        """Return the fields of a Prediction that a good answer has.

        Raises ValueError, LookupError, TypeError or AttributeError for what is none.
        """
        ...


def to_json(value: Any) -> bytes:
    """Write JSON; raise UnsendableError for values that JSON doesn't have."""
    options = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_PASSTHROUGH_DATETIME
    try:
        return orjson.dumps(value, default=_as_list, option=options)
    except TypeError as error:
        raise UnsendableError("", f"the rows can't be sent: {error}") from None


def _as_list(value: Any) -> Any:
    """Return what orjson doesn't know of numpy, such as arrays of texts, as lists."""
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"JSON has no {type(value).__name__}")


def model_of(target: Target) -> str:
    """Return the model's name for a protocol that needs one."""
    if target.model is None:
        words = "this protocol asks a model by its name: say model=… in the call or the client"
        raise UnsendableError("model", words)
    return target.model


def without_version(target: Target) -> Target:
    """Refuse a version where the protocol can't say it."""
    if target.version is not None:
        words = "this protocol can't ask for a version: open-inference and grpc can"
        raise UnsendableError("version", words)
    return target


def fields_of_json(body: bytes) -> dict[str, Any]:
    """Return what /predict and KServe's V1 answer, frozen."""
    given = orjson.loads(body)
    fields = {name: _frozen(given[name]) for name in _FIELDS if name in given}
    if not isinstance(fields["predictions"], tuple):
        raise TypeError("predictions are no list")
    return fields


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


_FIELDS = (
    "predictions",
    "probabilities",
    "classes",
    "intervals",
    "effects",
    "average_effect",
    "model_name",
    "model_version",
)
