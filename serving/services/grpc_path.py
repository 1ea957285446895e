"""The way of a prediction over gRPC: the same steps as over HTTP, on the same port."""

from __future__ import annotations

import asyncio
from typing import Any

from serving.runtime.errors import OverloadedError
from serving.runtime.grpc import open_inference_pb2 as pb
from serving.runtime.grpc.h2_server import H2Server
from serving.runtime.grpc.service import InferCall, grpc_error, grpc_handlers
from serving.runtime.protocols.open_inference import OPEN_INFERENCE
from serving.services.exchange import Exchange
from serving.services.keys import Scope
from serving.services.model_server import ModelServer
from serving.services.refusals import refusal_of
from serving.services.routes import Route
from serving.services.turned_away import CallerGoneError

_ROUTE = Route(OPEN_INFERENCE, "/inference.GRPCInferenceService/ModelInfer")


class GrpcPath:
    """Answers ModelInfer, and makes the protocol of each connection that speaks gRPC."""

    def __init__(self, server: ModelServer) -> None:
        self._server = server
        services = grpc_handlers(
            server.models,
            self.answer,
            version=server.revision,
            is_ready=lambda: not server.drain.is_draining,
        )
        self._h2 = H2Server(services, server.settings.max_body_bytes)

    def connection(self, connections: set[Any]) -> asyncio.Protocol:
        """Return the protocol of a connection; it keeps itself in `connections` while it lives."""
        return self._h2.connection(connections)

    async def answer(self, call: InferCall) -> pb.ModelInferResponse:
        """Return the model's answer; count and write down what became of the call."""
        exchange = Exchange.begun(_ROUTE, call.headers)
        try:
            return await self._predict(exchange, call)
        except asyncio.CancelledError:  # the caller has gone, or its time is over
            gone = CallerGoneError()
            exchange.refused(refusal_of(gone), gone)
            raise
        except Exception as failure:
            refusal = refusal_of(failure)
            exchange.refused(refusal, failure)
            if isinstance(failure, OverloadedError):
                raise
            where = f"{refusal.path}: " if refusal.path else ""
            raise grpc_error(refusal.status, where + refusal.sentence) from failure
        finally:
            self._server.journal.record(exchange)

    async def _predict(self, exchange: Exchange, call: InferCall) -> pb.ModelInferResponse:
        self._server.keys.check(call.headers, Scope.PREDICT)
        model = exchange.model = self._server.models.find(call.model, call.version)
        question = call.read(model)
        exchange.rows = question.rows.count
        response = call.write(question, await model.answer(question.rows), model)
        model.metrics.answered(call.protocol, exchange.rows, exchange.seconds)
        return response
