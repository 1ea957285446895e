"""The client for programs that block: any number of threads may share one."""

from __future__ import annotations

import time
from typing import Any, Self, Unpack

from tenacity import Retrying

from serving.client.answers import Prediction
from serving.client.base import BaseClient, CallOptions, ProtocolName
from serving.client.exchange import Call
from serving.client.in_flight import CallsInFlight
from serving.client.replies import prediction_of
from serving.client.senders.sender import Sender


class Client(BaseClient):
    """Asks one server or gateway for predictions; make it once, after forking, and keep it."""

    def predict(self, rows: Any, **options: Unpack[CallOptions]) -> Prediction:
        """Return the model's answer to rows: lists, objects, an array or a DataFrame.

        Raises ClientError when there is none in time, also after repeating the question.
        """
        call = self._call(rows, options)
        with self._in_flight.holding(call.request_id):
            for attempt in Retrying(**self._rules(call)):
                with attempt:
                    prediction = self._try(call, attempt.retry_state.attempt_number)
        return prediction

    def close(self) -> None:
        """Take no new calls, wait for those in flight, close the connections; may run twice."""
        self._in_flight.close(self._timeouts.total_s)
        self._sender.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def _try(self, call: Call, number: int) -> Prediction:
        attempt = call.attempt(number, time.monotonic())
        with self._gate.trying(attempt.circumstances):
            return prediction_of(self._sender.send(attempt), self._codec, attempt.circumstances)

    def _open(self) -> None:
        self._sender = self._new_sender()
        self._in_flight = CallsInFlight()

    def _new_sender(self) -> Sender:
        if self._protocol is ProtocolName.GRPC:
            from serving.client.senders.grpc import GrpcSender

            return GrpcSender(self._url, self._connections)
        from serving.client.senders.http import HttpSender

        return HttpSender(self._url, self._connections)
