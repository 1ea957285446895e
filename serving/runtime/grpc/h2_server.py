"""HTTP/2 connections that carry gRPC, for whoever owns the listening socket.

grpclib speaks the protocol. Added to it: a limit to a message's size, an end that loses no call
(`H2Connection.shutdown`), and an answer for whatever a client may send.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any, Protocol

from grpclib.config import Configuration
from grpclib.const import Handler, Status
from grpclib.encoding.proto import ProtoCodec
from grpclib.events import _DispatchServerEvents
from grpclib.exceptions import GRPCError
from grpclib.protocol import AbstractHandler, Buffer, H2Protocol, Stream
from grpclib.server import request_handler
from h2.config import H2Configuration
from h2.errors import ErrorCodes
from h2.events import PingAckReceived, UnknownFrameReceived
from hyperframe.frame import GoAwayFrame, PingFrame

_ANY_STREAM = 2**31 - 1
_PING = b"last one"
_QUIET_S = 0.05
_QUIET_WITHIN_S = 1.0
"""How long a leaving connection waits for a moment without calls before it sends the news."""
_PATIENCE_S = 5.0
"""How long it waits for a client that doesn't answer pings."""


class Servable(Protocol):
    """A gRPC service in grpclib's terms."""

    def __mapping__(self) -> Mapping[str, Handler]:
        """The path of each method, and what answers there."""
        ...


class H2Server:
    """Makes the protocol of each connection whose first bytes were HTTP/2's preface."""

    def __init__(self, services: Collection[Servable], largest_message: int) -> None:
        self._methods = {
            path: handler for service in services for path, handler in service.__mapping__().items()
        }
        self._largest_message = largest_message
        self._config = Configuration().__for_server__()
        self._h2_config = H2Configuration(
            client_side=False,
            header_encoding="latin-1",  # which decodes any bytes; others end the connection
            validate_inbound_headers=False,
            validate_outbound_headers=False,
            normalize_inbound_headers=False,
            normalize_outbound_headers=False,
        )

    def connection(self, connections: set[Any] | None = None) -> H2Connection:
        """Return the protocol of one connection; while it lives it keeps itself in `connections`.

        Its owner calls `connection_made`, and `data_received` with all bytes from the first on.
        """
        calls = Calls(self._methods, self._largest_message)
        kept = set() if connections is None else connections
        return H2Connection(calls, self._config, self._h2_config, kept)


class Calls(AbstractHandler):
    """The calls in flight on one connection, each a task."""

    def __init__(self, methods: dict[str, Handler], largest_message: int) -> None:
        self._methods = methods
        self._largest_message = largest_message
        self._codec = ProtoCodec()
        self._events = _DispatchServerEvents()
        self._tasks: dict[Stream, asyncio.Task[None]] = {}
        self.when_idle: Callable[[], None] = _nothing

    @property
    def are_done(self) -> bool:
        """Whether no call is in flight."""
        return not self._tasks

    def accept(
        self, stream: Stream, headers: list[tuple[str, str]], release_stream: Callable[[], None]
    ) -> None:
        """Begin a call."""
        assert stream.id is not None
        acknowledge = partial(stream.connection.ack, stream.id)
        stream.buffer = _LimitedBuffer(acknowledge, self._largest_message)
        task = asyncio.get_running_loop().create_task(
            request_handler(
                self._methods, stream, headers, self._codec, None, self._events, _nothing
            )
        )
        self._tasks[stream] = task
        task.add_done_callback(partial(self._ended, stream, release_stream))

    def cancel(self, stream: Stream) -> None:
        """End a call that its client has given up."""
        task = self._tasks.get(stream)
        if task is not None:
            task.cancel()

    def close(self) -> None:
        """End all calls: the connection is gone."""
        for task in self._tasks.values():
            task.cancel()

    def _ended(self, stream: Stream, release: Callable[[], None], task: asyncio.Task[None]) -> None:
        """Free what a call held, also of one that was cancelled before it began.

        A stream that grpclib has left open (after metadata that it can't decode) is reset here,
        or its client would wait for ever.
        """
        del self._tasks[stream]
        release()
        if stream.closable:
            stream.reset_nowait(ErrorCodes.NO_ERROR)
        if not self._tasks:
            self.when_idle()


class _LimitedBuffer(Buffer):
    """What has come of a message; refuses to wait for one that is too large."""

    def __init__(self, acknowledge: Callable[[int], None], largest: int) -> None:
        super().__init__(acknowledge)
        self._largest = largest

    async def read(self, size: int) -> bytes:
        if size > self._largest:
            words = f"the message is larger than {self._largest} bytes; send fewer rows"
            raise GRPCError(Status.RESOURCE_EXHAUSTED, words)
        return await super().read(size)


class H2Connection(H2Protocol):
    """One connection; asyncio's protocol, and what uvicorn wants of the connections it ends."""

    handler: Calls

    def __init__(
        self,
        calls: Calls,
        config: Configuration,
        h2_config: H2Configuration,
        connections: set[Any],
    ) -> None:
        super().__init__(calls, config, h2_config)
        self._connections = connections
        self._transport: asyncio.Transport
        self._is_leaving = False
        self._news_sent = False
        self._news_heard = False
        calls.when_idle = self._leave_if_due

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet the client."""
        super().connection_made(transport)
        self._transport = transport  # type: ignore[assignment]
        self._connections.add(self)
        self.processor.processors[UnknownFrameReceived] = _nothing
        self.processor.processors[PingAckReceived] = self._ping_answered

    def connection_lost(self, exc: BaseException | None) -> None:
        """Cancel the calls that nobody waits for any more."""
        super().connection_lost(exc)
        self._connections.discard(self)

    def shutdown(self) -> None:
        """Ask the client to go elsewhere; close once all that it had asked is answered.

        Clients in Python (grpclib, httpx) drop their calls in flight at the news, and answers
        that they have not looked at yet, so it waits a little for a quiet moment. May be called
        more than once.
        """
        if self._is_leaving or self._transport.is_closing():
            return
        self._is_leaving = True
        asyncio.get_running_loop().call_later(_QUIET_WITHIN_S, self._send_news)
        self._leave_if_due()

    def _leave_if_due(self) -> None:
        if not self._is_leaving or not self.handler.are_done:
            return
        if self._news_heard:
            self._transport.close()
        else:
            asyncio.get_running_loop().call_later(_QUIET_S, self._send_news_if_quiet)

    def _send_news_if_quiet(self) -> None:
        if self.handler.are_done:
            self._send_news()

    def _send_news(self) -> None:
        """Send a ping after it: calls that were sent before the ping's answer are answered, too."""
        if self._news_sent or self._transport.is_closing():
            return
        self._news_sent = True
        news = GoAwayFrame(last_stream_id=_ANY_STREAM, error_code=ErrorCodes.NO_ERROR)
        self._transport.write(news.serialize() + PingFrame(opaque_data=_PING).serialize())
        asyncio.get_running_loop().call_later(_PATIENCE_S, self._hear)

    def _ping_answered(self, event: PingAckReceived) -> None:
        self.connection.ping_ack_process()
        if event.ping_data == _PING:
            self._hear()

    def _hear(self) -> None:
        self._news_heard = True
        self._leave_if_due()


def _nothing(*ignored: object) -> None:
    """Do nothing."""
