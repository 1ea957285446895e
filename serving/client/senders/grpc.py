"""gRPC over grpclib: the async sender, and a thread that runs it for callers that block.

grpclib has one connection for all calls, and makes a new one when it has gone.
"""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Coroutine, Mapping
from dataclasses import replace
from typing import Any, TypeVar, cast

import httpx
from grpclib.client import Channel, Handler, Stream
from grpclib.const import Cardinality, Status
from grpclib.encoding.base import CodecBase
from grpclib.exceptions import GRPCError, ProtocolError, StreamTerminatedError
from grpclib.protocol import H2Protocol

from serving.client.errors import BadAnswerError, UnreachableError
from serving.client.exchange import Attempt, Reply
from serving.client.senders.sender import failure_of
from serving.client.settings import Connections

_STATUSES: Mapping[Status, int] = {
    Status.INVALID_ARGUMENT: 400,
    Status.OUT_OF_RANGE: 400,
    Status.FAILED_PRECONDITION: 400,
    Status.UNAUTHENTICATED: 401,
    Status.PERMISSION_DENIED: 403,
    Status.NOT_FOUND: 404,
    Status.UNIMPLEMENTED: 404,
    Status.UNAVAILABLE: 503,
    Status.DEADLINE_EXCEEDED: 504,
}
_T = TypeVar("_T")
_UNARY = Cardinality.UNARY_UNARY
_OF_ANY_PROXY = frozenset({"401", "403", "429", "502", "503", "504"})
"""HTTP's statuses that mean the same from whatever stands before a gRPC server."""
_NO_GRPC = (
    "whoever answers there does not speak gRPC (HTTP {status}, {content}); ask the model server "
    "itself, on its own port, and not the gateway"
)
_BROKEN = (StreamTerminatedError, ProtocolError, OSError, TimeoutError)


class AsyncGrpcSender:
    """For tasks; the connection is made by the first call."""

    def __init__(self, url: str, connections: Connections) -> None:
        self._url = httpx.URL(url)
        self._connections = connections
        self._channel: Channel | None = None
        self._connection: _Connection | None = None

    async def send(self, attempt: Attempt) -> Reply:
        """Return the reply; a refusal of gRPC is one with HTTP's status for it."""
        try:
            async with asyncio.timeout(attempt.limit_s):
                return await _ask(await self._connected(attempt), attempt)
        except _BROKEN as error:
            raise failure_of(error, attempt) from error

    async def aclose(self) -> None:
        """Close the connection."""
        try:
            if self._channel is not None:
                self._channel.close()
        finally:
            if self._connection is not None:
                await self._connection.gone()

    async def _connected(self, attempt: Attempt) -> Channel:
        if self._channel is None:
            self._channel = self._new_channel()
        limit_s = attempt.connect_limit_s
        try:
            async with asyncio.timeout(limit_s):
                self._connection = cast(_Connection, await self._channel.__connect__())
        except TimeoutError as error:
            words = f"the server can't be reached within {limit_s:.3g} s"
            raise UnreachableError(words, attempt.circumstances) from error
        return self._channel

    def _new_channel(self) -> Channel:
        secure = self._url.scheme == "https"
        port = self._url.port or (443 if secure else 80)
        context = _context(self._connections.verify) if secure else None
        return _Channel(self._url.host, port, codec=_Bytes(), ssl=context)


async def _ask(channel: Channel, attempt: Attempt) -> Reply:
    question, limit_s = attempt.question, attempt.limit_s
    stream: Stream[bytes, bytes] = channel.request(
        question.path, _UNARY, bytes, bytes, timeout=limit_s, metadata=question.headers
    )
    try:
        async with stream:
            await stream.send_message(question.body, end=True)
            body = await stream.recv_message()
    except GRPCError as refusal:
        _check_that_it_speaks_grpc(stream, attempt)
        return _refused(refusal, _headers(stream))
    return Reply(200, _headers(stream), body or b"")


def _check_that_it_speaks_grpc(stream: Any, attempt: Attempt) -> None:
    """Raise BadAnswerError where a web server or an HTTP/1.1 gateway answered in its own words."""
    head = dict(stream._stream.headers or ())
    status, content = head.get(":status", "200"), head.get("content-type", "no content-type")
    is_grpc = status == "200" and content.startswith("application/grpc")
    if head and not is_grpc and status not in _OF_ANY_PROXY:
        known = replace(attempt.circumstances, status=int(status))
        raise BadAnswerError(_NO_GRPC.format(status=status, content=content), known)


def _refused(refusal: GRPCError, headers: Mapping[str, str]) -> Reply:
    """Return a refusal as HTTP has it; what is too much (413) is told from too many (429)."""
    status = _STATUSES.get(refusal.status, 500)
    if refusal.status is Status.RESOURCE_EXHAUSTED:
        status = 429 if "retry-after" in headers else 413
    return Reply(status, headers, (refusal.message or refusal.status.name).encode())


def _headers(stream: Any) -> dict[str, str]:
    parts = (stream.initial_metadata or {}, stream.trailing_metadata or {})
    return {name: str(value) for part in parts for name, value in part.items()}


def _context(verify: ssl.SSLContext | bool) -> ssl.SSLContext:
    context = httpx.create_ssl_context(verify=verify, trust_env=False)
    context.set_alpn_protocols(["h2"])
    return context


class _Connection(H2Protocol):
    """A connection whose end can be waited for: a loop that stops sooner leaves TLS open."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._transport = cast(asyncio.Transport, transport)
        self._lost = asyncio.Event()

    def connection_lost(self, exc: BaseException | None) -> None:
        super().connection_lost(exc)
        self._lost.set()

    async def gone(self) -> None:
        self._transport.abort()
        await self._lost.wait()


class _Channel(Channel):
    """A channel that closes itself, without a word, when nobody has it any more."""

    def _protocol_factory(self) -> H2Protocol:
        return _Connection(Handler(), self._config, self._h2_config)

    def __del__(self) -> None:
        # A program that an error ends has its own traceback to show. Any thread may come here.
        if self._protocol is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._protocol.processor.close)


class _Bytes(CodecBase):
    """Messages are bytes already: the protocol's codec made them."""

    __content_subtype__ = "proto"

    def encode(self, message: Any, message_type: Any) -> bytes:
        return bytes(message)

    def decode(self, data: bytes, message_type: Any) -> bytes:
        return data


class GrpcSender:
    """For threads: the async sender in a thread with an event loop of its own."""

    def __init__(self, url: str, connections: Connections) -> None:
        self._sender = AsyncGrpcSender(url, connections)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="tiffin-client-grpc", daemon=True
        )
        self._thread.start()

    def send(self, attempt: Attempt) -> Reply:
        """Return the reply; a caller who is interrupted gives the call up."""
        return self._run(self._sender.send(attempt))

    def close(self) -> None:
        """Close the connection and end the thread."""
        if self._loop.is_closed():
            return
        try:
            self._run(self._sender.aclose())
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    def _run(self, coroutine: Coroutine[Any, Any, _T]) -> _T:
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            return future.result()
        finally:
            future.cancel()
