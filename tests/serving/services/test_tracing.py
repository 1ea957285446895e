from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
import uvloop
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from serving.services.lifecycle import start_tracing
from tests.serving.services.small_site import site

CALLER = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{CALLER}-b7ad6b7169203331-01"


class Collector:
    """An OpenTelemetry collector that takes spans over HTTP and keeps them."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.resource: dict[str, str] = {}
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                collector.take(ExportTraceServiceRequest.FromString(body))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *words: Any) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def take(self, request: ExportTraceServiceRequest) -> None:
        for group in request.resource_spans:
            pairs = group.resource.attributes
            self.resource = {pair.key: pair.value.string_value for pair in pairs}
            for scope in group.scope_spans:
                self.spans.extend(scope.spans)


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    collector = Collector()
    thread = threading.Thread(target=collector.server.serve_forever)
    thread.start()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
    yield collector
    collector.server.shutdown()
    thread.join()
    collector.server.server_close()


def ask(*headers: dict[str, str], body: Any = None) -> None:
    """Ask once with each of the headers, in a server that sends spans where it is told to."""

    async def scenario() -> None:
        async with site() as here:
            here.server.journal.tracing = start_tracing("my-service")
            for more in headers:
                if body is None:
                    await here.predict([1.0, 2.0], headers=more)
                else:
                    await here.client.post("/predict", json=body, headers=more)
            await here.server.close()

    uvloop.run(scenario())


def facts(span: Span) -> dict[str, Any]:
    return {
        pair.key: getattr(pair.value, str(pair.value.WhichOneof("value")))
        for pair in span.attributes
    }


def test_a_prediction_is_a_span_of_the_callers_trace(collector: Collector) -> None:
    ask({"traceparent": PARENT, "x-request-id": "r-1"})
    (span,) = collector.spans
    assert span.trace_id.hex() == CALLER
    assert span.parent_span_id.hex() == "b7ad6b7169203331"
    told = facts(span)
    assert (told["http.route"], told["http.response.status_code"]) == ("/predict", 200)
    assert (told["model_name"], told["model_version"], told["rows"]) == ("small", "1", 1)
    assert told["request_id"] == "r-1"
    assert 0 < span.end_time_unix_nano - span.start_time_unix_nano < 60 * 10**9
    assert collector.resource["service.name"] == "my-service"


def test_a_caller_without_a_trace_begins_one(collector: Collector) -> None:
    ask({}, {"traceparent": "rubbish"})
    assert len({span.trace_id for span in collector.spans}) == 2


def test_a_caller_who_does_not_sample_is_not_sampled(collector: Collector) -> None:
    ask({"traceparent": PARENT[:-2] + "00"})
    assert not collector.spans


def test_the_sampler_of_the_environment_counts(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "0")
    ask({}, {"traceparent": PARENT})
    assert [span.trace_id.hex() for span in collector.spans] == [CALLER]


def test_a_span_says_why_a_request_failed_and_nothing_of_its_body(collector: Collector) -> None:
    ask({"x-api-key": "my-secret"}, body={"input_data": {"features": [["a secret", 1.0]]}})
    (span,) = collector.spans
    assert facts(span)["http.response.status_code"] == 400
    assert b"secret" not in span.SerializeToString()


def test_without_an_endpoint_nothing_of_it_is_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_ENDPOINT", raising=False)
    assert start_tracing("any") is None
    program = (
        "import sys; import serving.services.lifecycle as l; assert l.start_tracing('x') is None;"
        "sys.exit('opentelemetry' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
