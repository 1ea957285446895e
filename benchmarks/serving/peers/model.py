"""The model as every peer loads it: one file, one answer, by scikit-learn or by ONNX Runtime.

An answer is one matrix: a classifier's probabilities, or else the prediction and its interval
(low, high). So all servers do the same work, and what differs is the server.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.serving.peers.job import Job

Answer = Callable[[Any], np.ndarray]
"""Rows in: lists of numbers, dictionaries, a matrix or a DataFrame. May be called by one thread
at a time."""

MAX_BATCH = 64
BATCH_WAIT_S = 0.005
"""What tuned peers batch by: as many requests as the largest concurrency measured, and about as
long a wait as the forest takes for one batch."""


def load(job: Job) -> Answer:
    """Load the job's model with the job's engine."""
    return _load_onnx(job) if job.engine == "onnx" else _load_estimator(job)


def _load_estimator(job: Job) -> Answer:
    import joblib

    estimator, names = joblib.load(job.folder / "model.joblib"), _names(job)
    answer = _probabilities if job.about["kind"] == "classification" else _with_interval

    def answer_rows(rows: Any) -> np.ndarray:
        return answer(estimator, _frame(rows, names) if names else np.asarray(rows, dtype=float))

    return answer_rows


def _names(job: Job) -> list[str]:
    return [column["name"] for column in job.about["columns"]]


def _frame(rows: Any, names: list[str]) -> Any:
    import pandas as pd

    table = rows if isinstance(rows, pd.DataFrame) else pd.DataFrame(rows)
    return table[names]


def _probabilities(estimator: Any, table: Any) -> np.ndarray:
    return np.ascontiguousarray(estimator.predict_proba(table))


def _with_interval(estimator: Any, table: Any) -> np.ndarray:
    return np.column_stack([estimator.predict(table), estimator.predict_interval(table)])


def _load_onnx(job: Job) -> Answer:
    graph = job.folder / "model.onnx"
    return _load_graph(job, str(graph)) if graph.is_file() else _load_compiled(job)


def _load_graph(job: Job, graph: str) -> Answer:
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    feed = _column_feed(job) if job.is_named else _matrix_feed(session.get_inputs()[0].name)
    outputs, half_width = [session.get_outputs()[-1].name], job.about["half_width"]

    def answer_rows(rows: Any) -> np.ndarray:
        answer = session.run(outputs, feed(rows))[0]
        if half_width is None:
            return answer
        return np.column_stack([answer, answer - half_width, answer + half_width])

    return answer_rows


def _load_compiled(job: Job) -> Answer:
    """Load the graph that Tiffin compiled, for models that skl2onnx can't convert."""
    from serving.runtime.engines.onnx import OnnxEngine
    from serving.runtime.rows import Rows

    engine, names = OnnxEngine(job.folder / "compiled"), _names(job)
    last = "probabilities" if job.about["kind"] == "classification" else "intervals"

    def answer_rows(rows: Any) -> np.ndarray:
        given = rows if isinstance(rows, list) or not names else rows[names].to_dict("records")
        cells = [[row[name] for name in names] for row in given] if names else list(given)
        outputs = engine.outputs(Rows(cells=cells))
        if last == "probabilities":
            return outputs[last]
        return np.column_stack([outputs["predictions"], outputs[last]])

    return answer_rows


def _matrix_feed(name: str) -> Callable[[Any], dict[str, np.ndarray]]:
    return lambda rows: {name: np.asarray(rows, dtype=np.float32)}


_DTYPES = {"string": object, "long": np.int64, "double": np.float32}


def _column_feed(job: Job) -> Callable[[Any], dict[str, np.ndarray]]:
    columns = [(column["name"], _DTYPES[column["type"]]) for column in job.about["columns"]]

    def feed(rows: Any) -> dict[str, np.ndarray]:
        if isinstance(rows, list):
            return {
                name: np.array([[row[name]] for row in rows], dtype=dtype)
                for name, dtype in columns
            }
        return {name: np.asarray(rows[name], dtype=dtype)[:, None] for name, dtype in columns}

    return feed
