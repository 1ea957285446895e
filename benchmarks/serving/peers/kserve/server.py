"""KServe's Python server: a Model as its scikit-learn server has one, over V1, V2 and gRPC.

It has no batching of its own (that is an agent beside it, on Kubernetes); tuned leaves out the log
line per request.
https://kserve.github.io/website/docs/reference/python-runtime-sdk/python-runtime-sdk-api
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from kserve import InferOutput, InferRequest, InferResponse, Model, ModelServer
from kserve.utils.utils import generate_uuid

from benchmarks.serving.peers.job import Job
from benchmarks.serving.peers.model import load


class BenchModel(Model):
    """Answers instances or tensors with the model's matrix."""

    def __init__(self, job: Job) -> None:
        super().__init__("bench")
        self.is_named = job.is_named
        self.answer = load(job)
        self.ready = True

    def predict(self, payload: Any, headers: Any = None, response_headers: Any = None) -> Any:
        """Answer all rows, in the protocol they came in."""
        if not isinstance(payload, InferRequest):
            return {"predictions": self.answer(payload["instances"]).tolist()}
        rows = _frame(payload) if self.is_named else payload.inputs[0].as_numpy()
        answer = self.answer(rows)
        output = InferOutput("predict", list(answer.shape), "FP64")
        output.set_data_from_numpy(answer.astype(float), binary_data=False)
        return InferResponse(generate_uuid(), self.name, [output])


def _frame(payload: InferRequest) -> pd.DataFrame:
    """Read columns; KServe's own `as_dataframe` finds nothing in raw tensors."""
    return pd.DataFrame({tensor.name: _cells(tensor.as_numpy()) for tensor in payload.inputs})


def _cells(tensor: np.ndarray) -> list[Any]:
    return [cell.decode() if isinstance(cell, bytes) else cell for cell in tensor.ravel().tolist()]


def main() -> None:
    """Serve until a signal."""
    job = Job.read()
    server = ModelServer(
        http_port=job.port,
        grpc_port=job.grpc_port,
        enable_latency_logging=not job.is_tuned,
        access_log_format="" if job.is_tuned else None,
    )
    server.start([BenchModel(job)])


if __name__ == "__main__":
    main()
