"""What is written down of predictions: a line for each that failed, a span where spans go out."""

from __future__ import annotations

import logging
from time import monotonic
from typing import TYPE_CHECKING

from serving.services.exchange import Exchange
from serving.services.refusals import OVERLOADED

if TYPE_CHECKING:
    from serving.services.tracing import Tracing

_OVERLOAD_EVERY_S = 1.0

_log = logging.getLogger(__name__)


class Journal:
    """Belongs to one process."""

    def __init__(self, *, log_requests: bool) -> None:
        self.tracing: Tracing | None = None
        self._tells_all = log_requests
        self._shed = 0
        self._overload_told = 0.0

    def record(self, exchange: Exchange) -> None:
        """Write down what is worth it."""
        if exchange.status == OVERLOADED:
            self.shed()
        elif exchange.status >= 400:
            _tell_failed(exchange)
        elif self._tells_all:
            _log.info("answered", extra={"fields": exchange.facts()})
        if self.tracing is not None:
            self.tracing.record(exchange)

    def shed(self) -> None:
        """Count a request that was shed; a line for each would be more work than an answer."""
        self._shed += 1
        now = monotonic()
        if now - self._overload_told >= _OVERLOAD_EVERY_S:
            _log.warning("too many requests: %d were shed since the last such line", self._shed)
            self._shed, self._overload_told = 0, now


def _tell_failed(exchange: Exchange) -> None:
    fields = {"fields": exchange.facts()}
    if exchange.status < 500:
        _log.warning("refused: %s", exchange.error, extra=fields)
        return
    _log.error("failed: %s", exchange.error, extra=fields, exc_info=exchange.failure)
