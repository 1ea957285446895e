"""What a model server counts, under the names that the field uses."""

from __future__ import annotations

from serving.runtime.identity import Identity

_LABELS = ("model_name", "model_version")
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class PredictionMetrics:
    """Counters of one model in this process; BentoML's /metrics adds up the worker processes."""

    def __init__(self, identity: Identity) -> None:
        # BentoML names the folder that worker processes share only just before a service is
        # made; imported any earlier, the library would count in this process alone.
        from prometheus_client import Counter, Gauge, Histogram

        labels = (identity.model_name, identity.model_version)
        self._predictions = Counter(
            "model_predictions_total", "Rows that were answered", _LABELS
        ).labels(*labels)
        self._errors = Counter(
            "model_prediction_errors_total", "Requests that failed", (*_LABELS, "error_type")
        )
        self._latency = Histogram(
            "model_prediction_latency_seconds", "From body to answer", _LABELS, buckets=_BUCKETS
        ).labels(*labels)
        self._labels = labels
        loaded = Gauge(
            "model_loaded",
            "Worker processes that have loaded the model",
            _LABELS,
            multiprocess_mode="livesum",
        )
        loaded.labels(*labels).set(1)

    def answered(self, rows: int, seconds: float) -> None:
        """Count one request that was answered."""
        self._predictions.inc(rows)
        self._latency.observe(seconds)

    def refused(self) -> None:
        """Count one request that the caller has to mend."""
        self._errors.labels(*self._labels, "bad_input").inc()

    def failed(self) -> None:
        """Count one request that the model failed on."""
        self._errors.labels(*self._labels, "model").inc()
