"""The model as MLflow's own python model: for intervals, which no stock flavor answers.

https://mlflow.org/docs/latest/ml/model/models-from-code
"""

from __future__ import annotations

from typing import Any

import mlflow
from mlflow.pyfunc import PythonModel

from benchmarks.serving.peers.job import Job
from benchmarks.serving.peers.model import load


class BenchModel(PythonModel):
    """Answers a table with the model's matrix."""

    def load_context(self, context: Any) -> None:
        """Load the model that the job names."""
        self.answer = load(Job.read())

    # MLflow would read type hints as a schema of the rows.
    def predict(self, context, model_input, params=None):  # noqa: ANN001, ANN201
        """Answer all rows."""
        return self.answer(model_input)


mlflow.models.set_model(BenchModel())
