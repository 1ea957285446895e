"""Writes the two settings files that MLServer starts from.

Stock is its scikit-learn runtime with the default worker process. Tuned batches, and does without
the worker process, which only helps where inference leaves cores idle.
https://docs.seldon.ai/mlserver/user-guide/adaptive-batching
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.serving.peers.job import Job
from benchmarks.serving.peers.model import BATCH_WAIT_S, MAX_BATCH

STOCK = "mlserver_sklearn.SKLearnModel"
CUSTOM = "benchmarks.serving.peers.mlserver.runtime.BenchModel"


def write_folder(job: Job, folder: Path) -> None:
    """Write settings.json and model-settings.json; writing twice changes nothing."""
    _write(folder / "settings.json", _server(job))
    _write(folder / "model-settings.json", _model(job))


def _server(job: Job) -> dict[str, Any]:
    tuned = {"parallel_workers": 0, "debug": False} if job.is_tuned else {}
    ports = {"http_port": job.port, "grpc_port": job.grpc_port, "metrics_port": 0}
    return {"host": "127.0.0.1", **ports, "metrics_endpoint": None, **tuned}


def _model(job: Job) -> dict[str, Any]:
    is_stock = job.engine == "sklearn" and job.about["kind"] == "classification"
    batching = {"max_batch_size": MAX_BATCH, "max_batch_time": BATCH_WAIT_S}
    return {
        "name": "bench",
        "implementation": STOCK if is_stock else CUSTOM,
        "parameters": {
            "uri": str(job.folder / "model.joblib"),
            "extra": {"predict_fn": "predict_proba"},
        },
        **(batching if job.is_tuned and job.engine == "sklearn" else {}),
    }


def _write(file: Path, settings: dict[str, Any]) -> None:
    file.write_text(json.dumps(settings, indent=1), encoding="utf-8")
