"""The client for asyncio: any number of tasks of one event loop may share one."""

from __future__ import annotations

import time
from typing import Any, Self, Unpack

from tenacity import AsyncRetrying

from serving.client.answers import Prediction
from serving.client.base import BaseClient, CallOptions, ProtocolName
from serving.client.exchange import Call
from serving.client.in_flight import AsyncCallsInFlight
from serving.client.replies import prediction_of
from serving.client.senders.sender import AsyncSender


class AsyncClient(BaseClient):
    """Asks one server or gateway for predictions; make it once and keep it."""

    async def predict(self, rows: Any, **options: Unpack[CallOptions]) -> Prediction:
        """Return the model's answer to rows: lists, objects, an array or a DataFrame.

        Raises ClientError when there is none in time, also after repeating the question.
        """
        call = self._call(rows, options)
        with self._in_flight.holding(call.request_id):
            async for attempt in AsyncRetrying(**self._rules(call)):
                with attempt:
                    prediction = await self._try(call, attempt.retry_state.attempt_number)
        return prediction

    async def aclose(self) -> None:
        """Take no new calls, wait for those in flight, close the connections; may run twice."""
        await self._in_flight.close(self._timeouts.total_s)
        await self._sender.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *raised: object) -> None:
        await self.aclose()

    async def _try(self, call: Call, number: int) -> Prediction:
        attempt = call.attempt(number, time.monotonic())
        with self._gate.trying(attempt.circumstances):
            reply = await self._sender.send(attempt)
            return prediction_of(reply, self._codec, attempt.circumstances)

    def _open(self) -> None:
        self._sender = self._new_sender()
        self._in_flight = AsyncCallsInFlight()

    def _new_sender(self) -> AsyncSender:
        if self._protocol is ProtocolName.GRPC:
            from serving.client.senders.grpc import AsyncGrpcSender

            return AsyncGrpcSender(self._url, self._connections)
        from serving.client.senders.http import AsyncHttpSender

        return AsyncHttpSender(self._url, self._connections)
