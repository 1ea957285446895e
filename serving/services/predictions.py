"""What connections know of predictions: where they are asked for, and how they are shed."""

from __future__ import annotations

from contextlib import suppress

from serving.runtime.errors import OverloadedError, UnknownModelError
from serving.runtime.protocols.wire import WireProtocol
from serving.services.asgi import AsgiScope, SendWhole
from serving.services.fast_path import FastPath
from serving.services.model_server import ModelServer
from serving.services.refusals import refusal_of
from serving.services.routes import find_route


class KnownPredictions:
    """The predictions of our own services; refuses them before they are parsed."""

    def __init__(self, server: ModelServer, fast_path: FastPath) -> None:
        self.answer_at_once = fast_path.answer_at_once
        self._server = server
        self._overload = OverloadedError(server.settings.max_queue_seconds)
        self._answers: dict[str, bytes] = {}

    def are_asked_at(self, path: str) -> bool:
        """Tell whether a POST to `path` asks for a prediction."""
        return find_route(path) is not None

    def is_queue_full_at(self, path: str) -> bool:
        """Tell whether the model that a POST to `path` asks would refuse it for its queue."""
        route = find_route(path)
        if route is None:
            return False
        with suppress(UnknownModelError):
            return self._server.models.find(route.model, route.version).is_full
        return False

    def refusal(self, path: str) -> bytes | None:
        """Return the whole HTTP answer to a prediction at `path`; None where none is asked for."""
        route = find_route(path)
        if route is None:
            return None
        name = route.protocol.name
        with suppress(UnknownModelError):
            self._server.models.find(route.model, route.version).metrics.shed(name)
        self._server.journal.shed()
        return self._answers.get(name) or self._made(route.protocol)

    def _made(self, protocol: WireProtocol) -> bytes:
        answer = self._answers[protocol.name] = _http_answer(protocol, self._overload)
        return answer


class NoPredictions:
    """Those of people's own services, which only they know."""

    def are_asked_at(self, path: str) -> bool:
        """Leave every request to the service."""
        return False

    def answer_at_once(self, scope: AsgiScope, body: bytes, send_whole: SendWhole) -> bool:
        """Leave every request to the service."""
        return False

    def is_queue_full_at(self, path: str) -> bool:
        """Know of no queue."""
        return False

    def refusal(self, path: str) -> None:
        """Shed nothing."""


def _http_answer(protocol: WireProtocol, overload: OverloadedError) -> bytes:
    refusal = refusal_of(overload)
    answer = protocol.refuse(refusal.status, refusal.sentence)
    lines = [
        "HTTP/1.1 429 Too Many Requests",
        f"content-type: {answer.content_type}",
        f"content-length: {len(answer.body)}",
        *(f"{name}: {value}" for name, value in (*refusal.headers, *answer.headers)),
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + answer.body
