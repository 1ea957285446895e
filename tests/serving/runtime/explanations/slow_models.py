"""Models that trouble the process that explains."""

from __future__ import annotations

import json
import pickle
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from sklearn.base import BaseEstimator
from sklearn.linear_model import LinearRegression

HANGS_AT, FAILS_AT = -1.0, -2.0


class Troublesome(LinearRegression):  # type: ignore[misc]
    """Talks on standard output; hangs or fails at certain rows."""

    def predict(self, table: Any) -> np.ndarray:
        sys.stdout.write("predicting\n")
        sys.stdout.flush()
        first = np.asarray(table)[:, 0]
        if HANGS_AT in first:
            threading.Event().wait()
        if FAILS_AT in first:
            raise KeyError("a bad row")
        return np.asarray(super().predict(table))


def troublesome_artifact(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    rows = np.array([[0.0, 0.0], [1.0, 2.0], [2.0, 0.0], [3.0, 5.0]])
    model: BaseEstimator = Troublesome().fit(rows, rows.sum(axis=1))
    (folder / "model.pkl").write_bytes(pickle.dumps(model))
    (folder / "example.json").write_text(json.dumps({"data": rows.tolist()}))
    columns = [{"type": "double", "name": name} for name in ("a", "b")]
    description = {
        "flavors": {"sklearn": {"pickled_model": "model.pkl", "serialization_format": "pickle"}},
        "signature": {"inputs": json.dumps(columns)},
        "saved_input_example_info": {"artifact_path": "example.json"},
    }
    (folder / "MLmodel").write_text(yaml.safe_dump(description))
    return folder
