"""Plain BentoML: `@bentoml.api` on a table, with batching off, or on as its documents show.

https://docs.bentoml.com/en/latest/get-started/adaptive-batching.html
"""

from typing import Any

import bentoml
import numpy as np

from benchmarks.serving.peers.job import Job
from benchmarks.serving.peers.model import MAX_BATCH, load

JOB = Job.read()
# A DataFrame would be natural, but BentoML 1.4.39 fails on its shape when it batches.
Table = list[dict[str, Any]] if JOB.is_named else np.ndarray
BATCHING = (
    {"batchable": True, "max_batch_size": MAX_BATCH * 100, "max_latency_ms": 10_000}
    if JOB.is_tuned and JOB.engine == "sklearn"
    else {}
)
SETTINGS = (
    {"logging": {"access": {"enabled": False}}, "tracing": {"excluded_urls": [".*"]}}
    if JOB.is_tuned
    else {}
)


@bentoml.service(name="bench", workers=1, **SETTINGS)
class Plain:
    """Answers `{"rows": ...}` with the model's matrix."""

    def __init__(self) -> None:
        self.answer = load(JOB)

    @bentoml.api(**BATCHING)
    def predict(self, rows: Table) -> np.ndarray:
        """Answer all rows."""
        return self.answer(rows)
