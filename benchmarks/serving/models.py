"""The models on disk, below `.bench/models`: trained when they are missing, read as batches."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterable
from importlib.metadata import version
from itertools import chain
from pathlib import Path

import numpy as np

from benchmarks.environments import BENCH, PROJECT
from benchmarks.serving.wires import Batch

MODELS = ("forest", "xgboost", "logistic", "strings", "credit-risk", "house-prices", "job-training")
BODIES = 16
"""Different bodies that take turns, so that no server could answer from memory."""
_PACKAGES = ("scikit-learn", "xgboost-cpu", "skl2onnx", "onnxruntime", "mlflow")
_SOURCES = (
    *("benchmarks/serving/train_models.py", "benchmarks/serving/peers/model.py"),
    *("benchmarks/serving/peers/mlflow/python_model.py", "examples/recipes.py"),
)
_FOLDERS = ("serving/conversion", "serving/runtime/engines")


def folder_of(model: str) -> Path:
    """Return where the files of a model are."""
    return BENCH / "models" / model


def ensure_models(names: Iterable[str]) -> None:
    """Train what is missing, or was trained by other code or with other packages."""
    stamp = _stamp()
    for name in names:
        file = folder_of(name) / "stamp"
        if file.is_file() and file.read_text(encoding="utf-8") == stamp:
            continue
        print(f"training {name}", file=sys.stderr, flush=True)
        _train(name)
        file.write_text(stamp, encoding="utf-8")


def _train(name: str) -> None:
    module = "benchmarks.serving.train_models"
    command = [sys.executable, "-m", module, str(folder_of(name).parent), name]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"training {name} failed:\n{done.stderr[-3000:]}")


def _stamp() -> str:
    ours = (sorted((PROJECT / folder).glob("*.py")) for folder in _FOLDERS)
    files = [*map(PROJECT.joinpath, _SOURCES), *chain.from_iterable(ours)]
    read = [file.read_bytes() for file in files]
    versions = "\n".join(f"{package} {version(package)}" for package in _PACKAGES)
    return hashlib.sha256(b"\n".join([versions.encode(), *read])).hexdigest()


def batches(model: Path, rows: int) -> list[Batch]:
    """Return the bodies of a model with `rows` rows in each, and their answers."""
    about = json.loads((model / "about.json").read_text(encoding="utf-8"))
    asked = json.loads((model / "rows.json").read_text(encoding="utf-8"))
    columns = tuple((column["name"], column["type"]) for column in about["columns"])
    answers = np.asarray(asked["answers"])
    parts = (slice(start, start + rows) for start in range(0, BODIES * rows, rows))
    return [Batch(asked["rows"][part], columns, about["classes"], answers[part]) for part in parts]
