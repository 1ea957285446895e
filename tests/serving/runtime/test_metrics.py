from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

from prometheus_client import REGISTRY

from serving.runtime.identity import Identity, ModelKind
from serving.runtime.metrics import EXPLAIN, PredictionMetrics
from tiffin.home import PROJECT


def metrics_of(name: str, version: str = "1") -> PredictionMetrics:
    return PredictionMetrics(Identity("service", name, version, "v1", ModelKind.REGRESSION))


def value(metric: str, name: str, version: str = "1", **labels: str) -> float | None:
    return REGISTRY.get_sample_value(
        metric, {"model_name": name, "model_version": version, **labels}
    )


def test_counts_under_the_names_of_the_field() -> None:
    metrics = metrics_of("field")
    metrics.answered("predict", 3, 0.25)
    metrics.answered("kserve-v1", 1, 0.5)
    metrics.refused("predict")
    metrics.failed("predict")
    metrics.shed("predict")
    metrics.flush()
    assert value("model_predictions_total", "field") == 4
    assert value("model_prediction_latency_seconds_count", "field") == 2
    assert value("model_prediction_latency_seconds_sum", "field") == 0.75
    assert value("model_prediction_errors_total", "field", error_type="bad_input") == 1
    assert value("model_prediction_errors_total", "field", error_type="model") == 1
    assert value("model_prediction_errors_total", "field", error_type="shed") is None
    assert value("model_requests_shed_total", "field", protocol="predict") == 1
    assert value("model_loaded", "field") == 1
    outcomes = {
        (protocol, outcome): value(
            "model_requests_total", "field", protocol=protocol, outcome=outcome
        )
        for protocol in ("predict", "kserve-v1")
        for outcome in ("answered", "bad_input", "model", "shed")
    }
    assert {key for key, count in outcomes.items() if count == 1} == {
        *(("predict", outcome) for outcome in ("answered", "bad_input", "model", "shed")),
        ("kserve-v1", "answered"),
    }


def test_an_explanation_that_fails_is_a_request_that_failed_and_no_prediction() -> None:
    metrics = metrics_of("explained")
    for count in (metrics.told, metrics.refused, metrics.failed, metrics.shed):
        count(EXPLAIN)
    metrics.flush()
    for outcome in ("answered", "bad_input", "model", "shed"):
        labels = {"protocol": EXPLAIN, "outcome": outcome}
        assert value("model_requests_total", "explained", **labels) == 1
        assert value("model_prediction_errors_total", "explained", error_type=outcome) is None
    assert value("model_predictions_total", "explained") == 0
    assert value("model_prediction_latency_seconds_count", "explained") == 0


def test_an_observation_falls_into_the_bucket_that_the_library_would_choose() -> None:
    metrics = metrics_of("buckets")
    for seconds in (0.001, 0.0011, 99.0):
        metrics.answered("predict", 1, seconds)
    metrics.called(8)
    metrics.called(9)
    metrics.waited(0.3)
    metrics.flush()
    latency = "model_prediction_latency_seconds_bucket"
    assert [value(latency, "buckets", le=le) for le in ("0.0005", "0.001", "0.0025", "10.0")] == [
        *(0, 1, 2, 2)
    ]
    assert value(latency, "buckets", le="+Inf") == 3
    batch = "model_batch_rows_bucket"
    assert [value(batch, "buckets", le=le) for le in ("4.0", "8.0", "16.0")] == [0, 1, 2]
    assert value("model_queue_seconds_sum", "buckets") == 0.3


def test_everything_is_there_from_the_start() -> None:
    metrics_of("start")
    assert value("model_predictions_total", "start") == 0
    assert value("model_prediction_latency_seconds_count", "start") == 0


def test_nothing_is_counted_twice_and_nothing_is_forgotten() -> None:
    metrics = metrics_of("twice")
    for _ in range(3):
        metrics.answered("predict", 1, 0.5)
        metrics.flush()
        metrics.flush()
    assert value("model_predictions_total", "twice") == 3
    assert value("model_prediction_latency_seconds_sum", "twice") == 1.5
    assert value("model_requests_total", "twice", protocol="predict", outcome="answered") == 3


def test_flushes_by_itself_after_a_while() -> None:
    async def scenario() -> None:
        metrics = metrics_of("while")
        for _ in range(2):
            before = value("model_predictions_total", "while") or 0
            metrics.answered("predict", 1, 0.5)
            assert value("model_predictions_total", "while") == before
            while value("model_predictions_total", "while") == before:
                await asyncio.sleep(0.01)

    asyncio.run(asyncio.wait_for(scenario(), 60))


def test_counts_at_once_where_no_event_loop_could_do_it_later() -> None:
    metrics_of("loopless").refused("predict")
    assert value("model_prediction_errors_total", "loopless", error_type="bad_input") == 1


def test_several_models_and_the_same_one_again_count_side_by_side() -> None:
    first, other = metrics_of("again", "1"), metrics_of("again", "2")
    first.answered("predict", 1, 0.5)
    first.flush()
    second = metrics_of("again", "1")
    assert value("model_loaded", "again", "1") == 2
    first.unloaded()
    first.unloaded()
    second.answered("predict", 1, 0.5)
    second.flush()
    assert value("model_predictions_total", "again", "1") == 2
    assert value("model_loaded", "again", "1") == 1
    second.unloaded()
    assert value("model_loaded", "again", "1") == 0
    assert value("model_loaded", "again", "2") == 1
    other.unloaded()


def test_what_an_unloaded_model_counted_last_is_not_lost() -> None:
    async def scenario() -> None:
        metrics = metrics_of("last")
        metrics.answered("predict", 1, 0.5)
        metrics.unloaded()
        assert value("model_predictions_total", "last") == 1

    asyncio.run(scenario())


WORKER = """
    import sys
    from serving.runtime.identity import Identity, ModelKind
    assert "prometheus_client" not in sys.modules
    from serving.runtime.metrics import EXPLAIN, PredictionMetrics
    assert "prometheus_client" not in sys.modules
    metrics = PredictionMetrics(Identity("s", "shared", "1", "v1", ModelKind.REGRESSION))
    metrics.answered("predict", 5, 0.004)
    metrics.flush()
"""
READER = """
    import json
    from prometheus_client import CollectorRegistry
    from prometheus_client.multiprocess import MultiProcessCollector
    registry = CollectorRegistry()
    MultiProcessCollector(registry)
    print(json.dumps({
        sample.name + str(sample.labels.get("le", "")): sample.value
        for metric in registry.collect() for sample in metric.samples
    }))
"""


def test_the_worker_processes_of_a_server_are_added_up(tmp_path: Path) -> None:
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    said = ""
    for program in (WORKER, WORKER, READER):
        command = [sys.executable, "-c", textwrap.dedent(program)]
        said = subprocess.run(
            command, env=environment, cwd=PROJECT, check=True, capture_output=True, text=True
        ).stdout
    samples = json.loads(said)
    assert samples["model_predictions_total"] == 10
    assert samples["model_prediction_latency_seconds_count"] == 2
    assert samples["model_prediction_latency_seconds_bucket0.005"] == 2
    assert samples["model_prediction_latency_seconds_bucket0.0025"] == 0
