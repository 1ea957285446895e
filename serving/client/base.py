"""What the sync and the async client share: their settings, and a call as a value."""

from __future__ import annotations

import re
import time
import uuid
from abc import ABC, abstractmethod
from enum import StrEnum
from math import isfinite
from typing import Any, TypedDict

import httpx

from serving.client.breaker import Phase
from serving.client.errors import BadRequestError, Circumstances
from serving.client.exchange import Call, Question
from serving.client.gate import Gate
from serving.client.protocols.codec import Codec, Target
from serving.client.protocols.invocations import Invocations
from serving.client.protocols.kserve_v1 import KServeV1
from serving.client.protocols.open_inference import BinaryOpenInference, OpenInference
from serving.client.protocols.predict import Predict
from serving.client.repeats import Rules, rules_of
from serving.client.replies import REVISION_HEADER
from serving.client.rows import table_of
from serving.client.settings import Circuit, Connections, Retries, Timeouts
from serving.client.tensors import UnsendableError

_PRINTABLE = re.compile(r"[!-~]([ -~]*[!-~])?")


class ProtocolName(StrEnum):
    """The ways to ask, by the names that the server's metrics have for them."""

    PREDICT = "predict"
    KSERVE_V1 = "kserve-v1"
    OPEN_INFERENCE = "open-inference"
    OPEN_INFERENCE_BINARY = "open-inference-binary"
    GRPC = "grpc"
    INVOCATIONS = "invocations"


class CallOptions(TypedDict, total=False):
    """What may be said of a single call."""

    model: str
    """Instead of the client's."""
    version: str
    """Over `open-inference` and `grpc`."""
    revision: str
    """Pins the Revision at Tiffin's gateway."""
    caller: str
    """The value of the client's `sticky_header`: the same one stays on one Revision."""
    request_id: str
    """Instead of a new one."""
    traceparent: str
    """The W3C trace context that the server's span belongs to."""
    total_s: float
    """Instead of `Timeouts.total_s`."""


class BaseClient(ABC):
    """The settings of a client; its twins add what sends."""

    def __init__(
        self,
        url: str,
        *,
        protocol: str = ProtocolName.PREDICT,
        model: str | None = None,
        api_key: str | None = None,
        sticky_header: str | None = None,
        timeouts: Timeouts | None = None,
        retries: Retries | None = None,
        circuit: Circuit | None = None,
        connections: Connections | None = None,
    ) -> None:
        """Take the address of a gateway or a server; raise ValueError for a bad setting.

        Nothing is sent before the first call.
        """
        self._url = _checked_url(url)
        self._protocol = _checked_protocol(protocol)
        self._model = model
        self._headers = _client_headers(api_key)
        self._sticky_header = sticky_header
        self._timeouts = timeouts or Timeouts()
        self._retries = retries or Retries()
        self._connections = connections or Connections()
        self._gate = Gate(circuit or Circuit(), self._retries)
        self._codec = _codec(self._protocol)
        self._open()

    @abstractmethod
    def _open(self) -> None:
        """Make what the twin sends with."""

    @property
    def circuit_phase(self) -> Phase:
        """What the circuit breaker does with the next call."""
        return self._gate.phase

    def _call(self, rows: Any, options: CallOptions) -> Call:
        """Return the call; BadRequestError for rows or options that can't be sent."""
        request_id = options.get("request_id") or uuid.uuid4().hex
        try:
            target = Target(options.get("model", self._model), options.get("version"))
            question = self._codec.question(table_of(rows), target)
            headers = self._headers | {"x-request-id": request_id} | self._call_headers(options)
            _check_printable(headers)
            _check_total(options.get("total_s", 1.0))
        except UnsendableError as error:
            raise BadRequestError(str(error), Circumstances(request_id, path=error.path)) from None
        return self._planned(question.with_headers(headers), request_id, options)

    def _planned(self, question: Question, request_id: str, options: CallOptions) -> Call:
        self._gate.count_call()
        total_s = options.get("total_s", self._timeouts.total_s)
        return Call(question, request_id, self._timeouts, time.monotonic() + total_s)

    def _rules(self, call: Call) -> Rules:
        def left_s() -> float:
            return call.deadline - time.monotonic()

        return rules_of(self._retries, left_s, self._gate.may_repeat)

    def _call_headers(self, options: CallOptions) -> dict[str, str]:
        if "caller" in options and self._sticky_header is None:
            words = "name the service's sticky_header when you make the client"
            raise UnsendableError("caller", words)
        given = {
            self._sticky_header or "": options.get("caller"),
            REVISION_HEADER: options.get("revision"),
            "traceparent": options.get("traceparent"),
        }
        return {name: value for name, value in given.items() if value is not None}


def _checked_url(url: str) -> str:
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, TypeError) as error:
        raise ValueError(f"{url!r} is no address: {error}") from None
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise ValueError(f"{url!r} is no address; send one such as http://127.0.0.1:9001")
    return url


def _checked_protocol(name: str) -> ProtocolName:
    try:
        return ProtocolName(name)
    except ValueError:
        words = f"there is no protocol {name!r}; choose one of {', '.join(ProtocolName)}"
        raise ValueError(words) from None


def _client_headers(api_key: str | None) -> dict[str, str]:
    if api_key is None:
        return {}
    if not _PRINTABLE.fullmatch(api_key):
        raise ValueError("the API key has characters that no header may have")
    return {"x-api-key": api_key}


def _check_printable(headers: dict[str, str]) -> None:
    for name, value in headers.items():
        if not _PRINTABLE.fullmatch(value):
            raise UnsendableError(name, "send printable ASCII characters")


def _check_total(seconds: float) -> None:
    if not (isfinite(seconds) and seconds > 0):
        raise UnsendableError("total_s", f"send a positive number of seconds, not {seconds}")


def _codec(protocol: ProtocolName) -> Codec:
    """Return the protocol's codec; protobuf is imported for gRPC alone."""
    if protocol is ProtocolName.GRPC:
        from serving.client.protocols.grpc import GrpcOpenInference

        return GrpcOpenInference()
    return _CODECS[protocol]


_CODECS: dict[ProtocolName, Codec] = {
    ProtocolName.PREDICT: Predict(),
    ProtocolName.KSERVE_V1: KServeV1(),
    ProtocolName.OPEN_INFERENCE: OpenInference(),
    ProtocolName.OPEN_INFERENCE_BINARY: BinaryOpenInference(),
    ProtocolName.INVOCATIONS: Invocations(),
}
