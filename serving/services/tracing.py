"""OpenTelemetry's spans of predictions; imported only where OTEL_EXPORTER_OTLP_ENDPOINT is set.

A span is made after the answer has gone out, with the times that were taken anyway. The SDK reads
the rest from the environment itself: OTEL_TRACES_SAMPLER, OTEL_TRACES_SAMPLER_ARG,
OTEL_EXPORTER_OTLP_HEADERS, OTEL_RESOURCE_ATTRIBUTES and so on.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace import SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from serving.services.exchange import Exchange

_CALLERS = TraceContextTextMapPropagator()


class Tracing:
    """Records predictions as server spans, as children of the caller's span where it sent one."""

    def __init__(self, service: str, exporter: SpanExporter | None = None) -> None:
        own = {} if "OTEL_SERVICE_NAME" in os.environ else {SERVICE_NAME: service}
        self._provider = TracerProvider(resource=Resource.create(own))
        self._provider.add_span_processor(BatchSpanProcessor(exporter or OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("tiffin.serving")

    def record(self, exchange: Exchange) -> None:
        """Record one prediction that has been answered."""
        ended = time.time_ns()
        span = self._tracer.start_span(
            f"POST {exchange.route.template}",
            context=_CALLERS.extract(_trace_headers(exchange.headers)),
            kind=SpanKind.SERVER,
            start_time=ended - int(exchange.seconds * 1e9),
            attributes={
                "http.request.method": "POST",
                "http.route": exchange.route.template,
                "http.response.status_code": exchange.status,
                **exchange.facts(),
            },
        )
        if exchange.status >= 500:
            span.set_status(Status(StatusCode.ERROR, exchange.error))
        span.end(ended)

    def close(self) -> None:
        """Send what is left."""
        self._provider.shutdown()


def _trace_headers(headers: Mapping[bytes, bytes]) -> dict[str, str]:
    wanted = (b"traceparent", b"tracestate")
    return {name.decode(): headers[name].decode("latin-1") for name in wanted if name in headers}
