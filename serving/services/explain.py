"""`POST /explain`: how much each column moved each prediction.

A way of its own beside the predictions', with a process of its own: it may take seconds, and no
prediction waits for it.
"""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from serving.runtime.bad_input import BadInputError
from serving.runtime.explanations.errors import ExplanationTimeoutError, NotExplainableError
from serving.runtime.metrics import EXPLAIN
from serving.runtime.protocols.input_data import InputData
from serving.runtime.protocols.wire import Question, WireAnswer, WireRequest, json_answer
from serving.runtime.rows import Rows
from serving.runtime.served_model import ServedModel
from serving.services import routes
from serving.services.asgi import Headers, read_body
from serving.services.exchange import Exchange
from serving.services.keys import Scope
from serving.services.model_server import ModelServer
from serving.services.refusals import refusal_of
from serving.services.turned_away import TurnedAwayError

MOST_ROWS = 20


class ExplainInput(InputData):
    """The rows of /predict, but few of them."""

    name = EXPLAIN

    def read(self, request: WireRequest, model: ServedModel) -> Question:
        """Return the rows of the body."""
        question = super().read(request, model)
        if question.rows.count > MOST_ROWS:
            words = f"send at most {MOST_ROWS} rows to explain, not {question.rows.count}"
            raise BadInputError("input_data.features", words)
        return question


_PROTOCOL = ExplainInput()


async def _explain(request: Request) -> Response:
    headers = dict(request.scope["headers"])
    named = request.path_params.get("model")
    template = routes.EXPLAIN if named is None else routes.MODEL_EXPLAIN
    route = routes.Route(_PROTOCOL, template, named)
    exchange = Exchange.begun(route, headers)
    server: ModelServer = request.app.state.server
    try:
        answer = await _answer(server, exchange, headers, request)
    except Exception as failure:  # noqa: BLE001 (a model is anybody's code: it may raise anything)
        answer = _refused(exchange, failure)
    server.journal.record(exchange)
    return _response(answer, exchange)


EXPLAIN_ROUTES = tuple(
    Route(path, _explain, methods=["POST"]) for path in (routes.EXPLAIN, routes.MODEL_EXPLAIN)
)


async def _answer(
    server: ModelServer, exchange: Exchange, headers: Headers, request: Request
) -> WireAnswer:
    server.keys.check(headers, Scope.PREDICT)
    model = exchange.model = server.models.find(exchange.route.model)
    body = await read_body(headers, request.receive, server.settings.max_body_bytes)
    content_type = headers.get(b"content-type", b"").decode("latin-1")
    rows = _PROTOCOL.read(WireRequest(body, content_type), model).rows
    exchange.rows = rows.count
    fields = await _explained(server, model, await model.completed(rows))
    model.metrics.told(_PROTOCOL.name)
    identity = model.identity
    named = {"model_name": identity.model_name, "model_version": identity.model_version}
    return json_answer(200, fields | named)


async def _explained(server: ModelServer, model: ServedModel, rows: Rows) -> dict[str, Any]:
    if model.artifact is None:
        raise TurnedAwayError(501, "this model has no files here that an explainer could read")
    try:
        return await server.explanations.explain(model.artifact, model.identity.kind, rows)
    except NotExplainableError as refused:
        raise TurnedAwayError(501, str(refused)) from None
    except ExplanationTimeoutError as refused:
        raise TurnedAwayError(503, str(refused)) from None


def _refused(exchange: Exchange, failure: Exception) -> WireAnswer:
    refusal = refusal_of(failure)
    exchange.refused(refusal, failure)
    answer = _PROTOCOL.refuse(refusal.status, refusal.sentence, refusal.path)
    return WireAnswer(answer.status, answer.body, answer.content_type, refusal.headers)


def _response(answer: WireAnswer, exchange: Exchange) -> Response:
    headers = {**dict(answer.headers), "x-request-id": exchange.request_id.decode("latin-1")}
    return Response(answer.body, answer.status, headers, answer.content_type)
