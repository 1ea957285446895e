"""What has no flavor of its own: a python_function, loaded by MLflow, which is slow to start."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np


class PythonFunction:
    """A pyfunc that answers with one number or label for each row."""

    def __init__(self, function: Any) -> None:
        self._function = function
        schema = function.metadata.get_input_schema()
        dtypes = schema.numpy_types()
        self._dtypes = dict(zip(schema.input_names(), dtypes, strict=True))
        self._dtype = dtypes[0]

    def predict(self, table: Any) -> np.ndarray:
        """Ask the function, in the types of its signature, which MLflow insists on."""
        dtypes = self._dtype if isinstance(table, np.ndarray) else self._dtypes
        answers = np.asarray(self._function.predict(table.astype(dtypes)))
        if answers.ndim == 2 and answers.shape[1] == 1:
            return answers[:, 0]
        if answers.ndim != 1:
            raise ValueError("the model has to answer with one number or label for each row")
        return answers


def load_estimator(description: Mapping[str, Any], artifact: Path) -> Any:
    """Import MLflow and load the function; ValueError when this Python has no MLflow."""
    del description  # MLflow reads it again
    try:
        import mlflow.pyfunc
    except ModuleNotFoundError as missing:
        raise ValueError(
            f"a python_function is loaded by MLflow, and {missing.name} is not installed; log the "
            "model with its framework's flavor"
        ) from missing
    return PythonFunction(mlflow.pyfunc.load_model(str(artifact)))
