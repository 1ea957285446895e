"""A small real model as MLflow would have saved it, made without `import mlflow`."""

from __future__ import annotations

import json
import pickle
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import sklearn
import skops.io
from ruamel.yaml import YAML
from sklearn.linear_model import LogisticRegression

from tiffin.registry.model_version import ModelVersion
from tiffin.services.spec import Service
from tiffin.validation.check import ValidationReport
from tiffin.validation.frameworks import installed_versions
from tiffin.validation.validate import validate


def make_service(**validation: Any) -> Service:
    return Service.model_validate(
        {
            "name": "loans",
            "model": "loans",
            "kind": "classification",
            "port": 8999,
            "smoke": [{"name": "one", "body": {}}],
            "validation": {"target": "status", **validation},
        }
    )


@dataclass(frozen=True)
class Trained:
    """A model version on disk, to be spoiled by a test and validated."""

    artifact: Path
    data: Path
    suites: Path
    service: Service
    metrics: Mapping[str, float] = field(default_factory=lambda: {"auc": 0.9})
    champion: Mapping[str, float] | None = None

    def table(self) -> pd.DataFrame:
        return pd.read_csv(self.data)

    def describe(self, **changes: Any) -> None:
        file = self.artifact / "MLmodel"
        said = YAML(typ="safe").load(file.read_text()) if file.exists() else {}
        YAML(typ="safe").dump({**said, **changes}, file)

    def save(self, model: object, form: str = "skops") -> Path:
        name = "model.skops" if form == "skops" else "model.pkl"
        file = self.artifact / name
        file.write_bytes(skops.io.dumps(model) if form == "skops" else pickle.dumps(model))
        self.describe(flavors=flavors(name, form))
        return file

    def validate(self, **changes: Any) -> ValidationReport:
        asked = replace(self, **changes)
        return validate(
            asked.service,
            ModelVersion("loans", "3", "runs:/x/model"),
            asked.artifact,
            asked.data,
            asked.metrics,
            asked.champion,
            installed_versions(),
            asked.suites,
        )


def flavors(file: str, form: str) -> dict[str, Any]:
    return {
        "python_function": {"loader_module": "mlflow.sklearn", "model_path": file},
        "sklearn": {
            "pickled_model": file,
            "serialization_format": form,
            "sklearn_version": sklearn.__version__,
        },
    }


@pytest.fixture
def trained(tmp_path: Path) -> Trained:
    table = pd.DataFrame({"age": range(20, 60), "debt": [(i * 37) % 50 for i in range(40)]})
    truth = ["bad" if debt > 25 else "good" for debt in table.debt]
    model = LogisticRegression().fit(table, truth)
    made = Trained(
        tmp_path / "artifact", tmp_path / "data.csv", tmp_path / "suites", make_service()
    )
    made.artifact.mkdir()
    made.suites.mkdir()
    table.assign(status=truth).to_csv(made.data, index=False)
    columns = [{"type": "long", "name": name} for name in ("age", "debt")]
    made.describe(
        signature={"inputs": json.dumps(columns)},
        saved_input_example_info={"artifact_path": "input_example.json"},
    )
    (made.artifact / "input_example.json").write_text(
        '{"columns": ["age", "debt"], "data": [[30, 5]]}'
    )
    (made.artifact / "requirements.txt").write_text(f"scikit-learn=={sklearn.__version__}\n")
    made.save(model)
    return made
