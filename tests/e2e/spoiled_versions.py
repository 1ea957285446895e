"""Registers spoiled copies of a good version: one without its signature, one with a hostile pickle.

    python -m tests.e2e.spoiled_versions http://127.0.0.1:5000 credit-risk 1 /tmp/canary

Prints the versions as JSON. Unpickled, the hostile one would make the canary file.
"""

from __future__ import annotations

import json
import os
import pickle
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlflow
from ruamel.yaml import YAML

Spoil = Callable[[Path], None]


class Hostile:
    """Runs a command when it is unpickled."""

    def __init__(self, canary: str) -> None:
        self.canary = canary

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.canary}",)


def without_signature(artifact: Path) -> None:
    file, yaml = artifact / "MLmodel", YAML(typ="safe")
    said = yaml.load(file.read_text())
    del said["signature"]
    yaml.dump(said, file)


def with_hostile_pickle(canary: str) -> Spoil:
    def spoil(artifact: Path) -> None:
        file, yaml = artifact / "MLmodel", YAML(typ="safe")
        said = yaml.load(file.read_text())
        (artifact / "model.pkl").write_bytes(pickle.dumps(Hostile(canary)))
        said["flavors"]["sklearn"].update(
            pickled_model="model.pkl", serialization_format="cloudpickle"
        )
        said["flavors"]["python_function"]["model_path"] = "model.pkl"
        yaml.dump(said, file)

    return spoil


def register(model: str, version: str, spoil: Spoil) -> str:
    client = mlflow.MlflowClient()
    run_of_good = client.get_model_version(model, version).run_id
    with tempfile.TemporaryDirectory() as folder, mlflow.start_run() as run:
        good = mlflow.artifacts.download_artifacts(
            f"models:/{model}/{version}", dst_path=f"{folder}/model"
        )
        data = mlflow.artifacts.download_artifacts(
            run_id=run_of_good, artifact_path="evaluation", dst_path=folder
        )
        mlflow.log_metrics(client.get_run(run_of_good).data.metrics)
        spoil(Path(good))
        mlflow.log_artifacts(good, "model")
        mlflow.log_artifacts(data, "evaluation")
        made = client.create_model_version(
            model, f"runs:/{run.info.run_id}/model", run_id=run.info.run_id
        )
    return str(made.version)


if __name__ == "__main__":
    uri, model, version, canary = sys.argv[1:]
    mlflow.set_tracking_uri(uri)
    spoiled = {
        "without_signature": register(model, version, without_signature),
        "hostile": register(model, version, with_hostile_pickle(canary)),
    }
    print(json.dumps(spoiled))
