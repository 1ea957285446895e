"""inference.GRPCInferenceService: health, metadata and ModelInfer, as a handler for grpclib."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any

from google.protobuf.message import DecodeError
from grpclib.const import Cardinality, Handler, Status
from grpclib.exceptions import GRPCError
from grpclib.server import Stream

from serving.runtime.bad_input import BadInputError
from serving.runtime.engines.engine import Outputs
from serving.runtime.errors import OverloadedError, UnknownModelError
from serving.runtime.grpc import open_inference_pb2 as pb
from serving.runtime.grpc.messages import metadata_response, read_request, write_response
from serving.runtime.model_table import ModelTable
from serving.runtime.protocols.model_metadata import model_metadata
from serving.runtime.protocols.open_inference import OPEN_INFERENCE, server_metadata
from serving.runtime.protocols.wire import Question
from serving.runtime.served_model import ServedModel

SERVICE = "inference.GRPCInferenceService"

_LONGEST_SENTENCE = 500
"""Characters, each up to 12 bytes on the wire; clients refuse headers longer than 8 KiB."""

_STATUSES = {
    401: Status.UNAUTHENTICATED,
    403: Status.PERMISSION_DENIED,
    404: Status.NOT_FOUND,
    413: Status.RESOURCE_EXHAUSTED,
    429: Status.RESOURCE_EXHAUSTED,
    499: Status.CANCELLED,
    503: Status.UNAVAILABLE,
}

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class InferCall:
    """One ModelInfer, as a WireProtocol is for one body: read, let compute, write."""

    request: pb.ModelInferRequest
    headers: Mapping[bytes, bytes]
    """The call's metadata: API keys, request id, trace; the names are in lower case."""
    protocol: str = OPEN_INFERENCE.name
    """How metrics call it."""

    @property
    def model(self) -> str | None:
        """The model that is asked; None leaves it to the server."""
        return self.request.model_name or None

    @property
    def version(self) -> str | None:
        """The version that is asked; None leaves it to the server."""
        return self.request.model_version or None

    def read(self, model: ServedModel) -> Question:
        """Return the rows; raise BadInputError for what the caller can mend."""
        return read_request(self.request, model)

    def write(
        self, question: Question, outputs: Outputs, model: ServedModel
    ) -> pb.ModelInferResponse:
        """Return the answer to rows that the model has computed."""
        return write_response(question, outputs, model)


Answer = Callable[[InferCall], Awaitable[pb.ModelInferResponse]]
"""The way of a prediction through the server: key, model, read, compute, write, count.

It may raise BadInputError, UnknownModelError, OverloadedError, a `grpc_error`, or whatever the
model raises.
"""

_Method = Callable[[Any, Mapping[bytes, bytes]], Awaitable[Any]]


def grpc_error(http_status: int, sentence: str) -> GRPCError:
    """Return the error that means what that status means in HTTP."""
    default = Status.INVALID_ARGUMENT if http_status < 500 else Status.INTERNAL
    return GRPCError(_STATUSES.get(http_status, default), sentence[:_LONGEST_SENTENCE])


def grpc_handlers(
    table: ModelTable,
    answer: Answer,
    *,
    version: str = "unknown",
    is_ready: Callable[[], bool] = lambda: True,
) -> list[InferenceService]:
    """Return what H2Server serves; `version` is the server's own, for its metadata."""
    return [InferenceService(table, answer, version, is_ready)]


class InferenceService:
    """Answers for the models of one server; each method takes a message and returns one."""

    def __init__(
        self, table: ModelTable, answer: Answer, version: str, is_ready: Callable[[], bool]
    ) -> None:
        self._table = table
        self._answer = answer
        self._version = version
        self._is_ready = is_ready

    def __mapping__(self) -> dict[str, Handler]:
        """What grpclib asks for: each method's path, and what answers there."""
        methods: Mapping[str, _Method] = {
            "ServerLive": self._server_live,
            "ServerReady": self._server_ready,
            "ModelReady": self._model_ready,
            "ServerMetadata": self._server_metadata,
            "ModelMetadata": self._model_metadata,
            "ModelInfer": self._model_infer,
        }
        return {f"/{SERVICE}/{name}": _handler(name, method) for name, method in methods.items()}

    async def _server_live(self, request: Any, headers: Mapping[bytes, bytes]) -> Any:
        return pb.ServerLiveResponse(live=True)

    async def _server_ready(self, request: Any, headers: Mapping[bytes, bytes]) -> Any:
        return pb.ServerReadyResponse(ready=self._is_ready())

    async def _model_ready(
        self, request: pb.ModelReadyRequest, headers: Mapping[bytes, bytes]
    ) -> pb.ModelReadyResponse:
        """Say no for a model that isn't there, as Triton does: it may still be on its way."""
        try:
            self._table.find(request.name or None, request.version or None)
        except UnknownModelError:
            return pb.ModelReadyResponse(ready=False)
        return pb.ModelReadyResponse(ready=self._is_ready())

    async def _server_metadata(self, request: Any, headers: Mapping[bytes, bytes]) -> Any:
        return pb.ServerMetadataResponse(**server_metadata(self._version))

    async def _model_metadata(
        self, request: pb.ModelMetadataRequest, headers: Mapping[bytes, bytes]
    ) -> pb.ModelMetadataResponse:
        model = self._table.find(request.name or None, request.version or None)
        return metadata_response(model_metadata(model, self._table.all()))

    async def _model_infer(
        self, request: pb.ModelInferRequest, headers: Mapping[bytes, bytes]
    ) -> pb.ModelInferResponse:
        return await self._answer(InferCall(request, headers))


def _handler(name: str, method: _Method) -> Handler:
    async def serve(stream: Stream[Any, Any]) -> None:
        try:
            reply = await method(await _received(stream), _headers(stream))
        except OverloadedError as overload:
            await _shed(stream, overload)
        except Exception as failure:
            raise _as_grpc(failure) from failure
        else:
            await stream.send_message(reply)

    request, reply = getattr(pb, f"{name}Request"), getattr(pb, f"{name}Response")
    return Handler(serve, Cardinality.UNARY_UNARY, request, reply)


async def _received(stream: Stream[Any, Any]) -> Any:
    try:
        message = await stream.recv_message()
    except DecodeError:
        raise BadInputError("", "the message is no protobuf of this method") from None
    except AssertionError:
        raise BadInputError("", "the message is shorter than its length says") from None
    except NotImplementedError:
        raise GRPCError(Status.UNIMPLEMENTED, "send messages without compression") from None
    if message is None:
        raise BadInputError("", "send one message")
    return message


def _headers(stream: Stream[Any, Any]) -> dict[bytes, bytes]:
    return {
        name.encode(): value if isinstance(value, bytes) else value.encode()
        for name, value in (stream.metadata or {}).items()
    }


def _as_grpc(failure: Exception) -> GRPCError:
    if isinstance(failure, GRPCError):
        return failure
    if isinstance(failure, BadInputError):
        return grpc_error(400, str(failure))
    if isinstance(failure, UnknownModelError):
        return grpc_error(404, failure.sentence)
    _log.error("the model failed on a call", exc_info=failure)
    kind = type(failure).__name__
    words = f"the model failed on this request with {kind}; the server's log has the whole story"
    return grpc_error(500, words)


async def _shed(stream: Stream[Any, Any], overload: OverloadedError) -> None:
    await stream.send_trailing_metadata(
        status=Status.RESOURCE_EXHAUSTED,
        status_message=str(overload),
        metadata={"retry-after": str(ceil(overload.retry_after_s))},
    )
