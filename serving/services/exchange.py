"""One prediction as metrics, logs and traces tell it; filled in as it goes its way."""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter
from typing import Any

from serving.runtime.served_model import ServedModel
from serving.services.asgi import Headers
from serving.services.logs import request_id
from serving.services.refusals import Refusal
from serving.services.routes import Route


@dataclass(slots=True)
class Exchange:
    """What is known of a request and its answer."""

    route: Route
    headers: Headers
    request_id: bytes
    started: float
    model: ServedModel | None = None
    rows: int = 0
    status: int = 200
    error: str = ""
    failure: Exception | None = None
    """What the model raised, for the log alone."""

    @classmethod
    def begun(cls, route: Route, headers: Headers) -> Exchange:
        """Return what is known of a request that begins now."""
        return cls(route, headers, request_id(headers), perf_counter())

    @property
    def seconds(self) -> float:
        """The time since it began."""
        return perf_counter() - self.started

    def refused(self, refusal: Refusal, failure: Exception) -> None:
        """Note that it ends without an answer, and count it for the model it was meant for."""
        self.status, self.error, self.failure = refusal.status, refusal.sentence, failure
        if self.model is not None:
            refusal.count(self.model.metrics, self.route.protocol.name)

    def facts(self) -> dict[str, Any]:
        """Return what may be told of it; nothing that was in the request's body."""
        facts: dict[str, Any] = {
            "request_id": self.request_id.decode("latin-1"),
            "route": self.route.template,
            "protocol": self.route.protocol.name,
            "status": self.status,
            "milliseconds": round(self.seconds * 1000, 3),
            "rows": self.rows,
        }
        if self.model is None:
            return facts
        identity = self.model.identity
        return facts | {
            "model_name": identity.model_name,
            "model_version": identity.model_version,
            "revision": identity.revision,
        }
