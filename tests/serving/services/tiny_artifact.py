"""An artifact as MLflow would save it, made in a moment: importing MLflow takes many."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import pandas as pd
import yaml
from sklearn.linear_model import LinearRegression, LogisticRegression

COLUMNS = [{"type": "double", "name": name} for name in ("a", "b")]
ROWS = [[0.0, 0.0], [1.0, 2.0], [2.0, 0.0], [3.0, 5.0]]


def tiny_artifact(folder: Path, *, is_classifier: bool = False) -> Path:
    """Save a model that answers a + b, or whether that is much."""
    folder.mkdir(parents=True, exist_ok=True)
    table = pd.DataFrame(ROWS, columns=["a", "b"])
    sums = table.sum(axis=1)
    if is_classifier:
        model = LogisticRegression().fit(table, (sums > 2).astype(int))
    else:
        model = LinearRegression().fit(table, sums)
    (folder / "model.pkl").write_bytes(pickle.dumps(model))
    (folder / "example.json").write_text(json.dumps({"columns": ["a", "b"], "data": ROWS[:1]}))
    description = {
        "flavors": {"sklearn": {"pickled_model": "model.pkl", "serialization_format": "pickle"}},
        "signature": {"inputs": json.dumps(COLUMNS)},
        "saved_input_example_info": {"artifact_path": "example.json"},
    }
    (folder / "MLmodel").write_text(yaml.safe_dump(description))
    return folder
