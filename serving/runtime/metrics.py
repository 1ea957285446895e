"""What a model server counts, under the names that the field uses.

Requests are counted in plain Python numbers and poured into prometheus_client's twice a second.
In BentoML's mode of several processes, which keeps each number in a shared file, counting one
request right there takes 5.7 us; so it takes 0.6 us (measured), of some 70 that the whole request
does. Who renders /metrics calls `flush` first, so that its own process is never late; the numbers
of other workers are half a second old at most.

Everything here happens on the event loop's thread.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections import Counter as Tally
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from serving.runtime.identity import Identity

if TYPE_CHECKING:
    from prometheus_client import Counter, Gauge, Histogram

EXPLAIN = "explain"
"""The protocol whose requests are no predictions, so they fail as requests only."""

_FLUSH_S = 0.5
_MODEL = ("model_name", "model_version")
_SECONDS = (
    *(0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05),
    *(0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
)
_ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)


@dataclass(frozen=True, slots=True)
class _Families:
    """The metrics of this process, shared by all its models."""

    predictions: Counter
    latency: Histogram
    errors: Counter
    loaded: Gauge
    requests: Counter
    shed: Counter
    batch_rows: Histogram
    queue_seconds: Histogram


@cache
def _families() -> _Families:
    # BentoML names the folder that worker processes share only just before a service is made;
    # imported any earlier, the library would count in this process alone.
    from prometheus_client import Counter, Gauge, Histogram

    return _Families(
        predictions=Counter("model_predictions_total", "Rows that were answered", _MODEL),
        latency=Histogram(
            "model_prediction_latency_seconds", "From body to answer", _MODEL, buckets=_SECONDS
        ),
        errors=Counter(
            "model_prediction_errors_total", "Predictions that failed", (*_MODEL, "error_type")
        ),
        loaded=Gauge(
            "model_loaded",
            "Worker processes that have loaded the model",
            _MODEL,
            multiprocess_mode="livesum",
        ),
        requests=Counter(
            "model_requests_total", "Requests of any outcome", (*_MODEL, "protocol", "outcome")
        ),
        shed=Counter(
            "model_requests_shed_total",
            "Requests refused because too much was queued",
            (*_MODEL, "protocol"),
        ),
        batch_rows=Histogram(
            "model_batch_rows", "Rows that the model was called with at once", _MODEL, buckets=_ROWS
        ),
        queue_seconds=Histogram(
            "model_queue_seconds",
            "How long rows waited for their call; not those that were answered straight away",
            _MODEL,
            buckets=_SECONDS,
        ),
    )


class _Observations:
    """What a histogram will be told; the library has no way to observe many values at once."""

    __slots__ = ("_bounds", "_counts", "_sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def add(self, value: float) -> None:
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def pour_into(self, histogram: Histogram) -> None:
        """Tell all of it, and begin anew."""
        for bucket, count in enumerate(self._counts):
            if count:
                histogram._buckets[bucket].inc(count)
                self._counts[bucket] = 0
        histogram._sum.inc(self._sum)
        self._sum = 0.0


class PredictionMetrics:
    """Counts for one model in this process; BentoML's /metrics adds up the worker processes.

    Several of them for the same model and version, one after the other, count on together.
    """

    def __init__(self, identity: Identity) -> None:
        self._families = _families()
        self._labels = (identity.model_name, identity.model_version)
        self._rows = 0
        self._outcomes: Tally[tuple[str, str]] = Tally()
        self._latency = _Observations(_SECONDS)
        self._batch_rows = _Observations(_ROWS)
        self._queue_seconds = _Observations(_SECONDS)
        self._will_flush = False
        self._is_loaded = True
        self._families.loaded.labels(*self._labels).inc()
        self.flush()  # so that every metric is there, at 0, from the start

    def answered(self, protocol: str, rows: int, seconds: float) -> None:
        """Count one request that was answered, so long after its body was there."""
        self._rows += rows
        self._latency.add(seconds)
        self._outcomes[protocol, "answered"] += 1
        if not self._will_flush:
            self._flush_soon()

    def told(self, protocol: str) -> None:
        """Count one request that was answered with something else than predictions.

        Neither its rows nor its seconds are counted: they would pass for a prediction's.
        """
        self._count(protocol, "answered")

    def refused(self, protocol: str) -> None:
        """Count one request that the caller has to mend."""
        self._count(protocol, "bad_input")

    def failed(self, protocol: str) -> None:
        """Count one request that the model failed on."""
        self._count(protocol, "model")

    def shed(self, protocol: str) -> None:
        """Count one request that was refused because too much was queued."""
        self._count(protocol, "shed")

    def called(self, rows: int) -> None:
        """Count one call of the model."""
        self._batch_rows.add(rows)

    def waited(self, seconds: float) -> None:
        """Count rows that were queued for so long."""
        self._queue_seconds.add(seconds)

    def unloaded(self) -> None:
        """Take the model out of `model_loaded`, once. What it counted stays, as counters must."""
        self.flush()
        if self._is_loaded:
            self._is_loaded = False
            self._families.loaded.labels(*self._labels).dec()

    def flush(self) -> None:
        """Pour everything that was counted into prometheus_client's metrics."""
        self._will_flush = False
        families, labels = self._families, self._labels
        families.predictions.labels(*labels).inc(self._rows)
        self._rows = 0
        self._latency.pour_into(families.latency.labels(*labels))
        self._batch_rows.pour_into(families.batch_rows.labels(*labels))
        self._queue_seconds.pour_into(families.queue_seconds.labels(*labels))
        for (protocol, outcome), requests in self._outcomes.items():
            self._flush_outcome(protocol, outcome, requests)
        self._outcomes.clear()

    def _flush_outcome(self, protocol: str, outcome: str, requests: int) -> None:
        families, labels = self._families, self._labels
        families.requests.labels(*labels, protocol, outcome).inc(requests)
        if outcome == "shed":
            families.shed.labels(*labels, protocol).inc(requests)
        elif outcome != "answered" and protocol != EXPLAIN:
            families.errors.labels(*labels, outcome).inc(requests)

    def _count(self, protocol: str, outcome: str) -> None:
        self._outcomes[protocol, outcome] += 1
        if not self._will_flush:
            self._flush_soon()

    def _flush_soon(self) -> None:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # nothing runs here that could do it later
            self.flush()
        else:
            self._will_flush = True
            loop.call_later(_FLUSH_S, self.flush)
