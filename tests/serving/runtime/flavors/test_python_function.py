from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tiffin.home import PROJECT

pytestmark = pytest.mark.timeout(300)
PROGRAM = """
import json, sys, warnings
from pathlib import Path
if sys.argv[2] == "without":
    sys.modules["mlflow"] = None
from serving.runtime.engines.native import NativeEngine
from serving.runtime.identity import ModelKind
from serving.runtime.model_files import load_model
try:
    model = load_model(Path(sys.argv[1]))
    answers = NativeEngine(model, ModelKind.REGRESSION).outputs(model.example)["predictions"]
    print(json.dumps([answers.tolist(), model.example.matrix.tolist()]))
except ValueError as refused:
    print(json.dumps(str(refused)))
"""


def run(artifact: Path, mlflow: str) -> list[list[float]] | str:
    command = [sys.executable, "-c", PROGRAM, str(artifact), mlflow]
    done = subprocess.run(command, check=True, capture_output=True, timeout=100, cwd=PROJECT)
    return json.loads(done.stdout.splitlines()[-1])


def test_is_asked_in_the_types_of_its_signature(flavors: Path) -> None:
    answers, rows = run(flavors / "pyfunc", "with")
    assert answers == pytest.approx([row[0] * 2 for row in rows], rel=1e-6)


def test_says_that_mlflow_is_missing(flavors: Path) -> None:
    assert "loaded by MLflow, and mlflow" in run(flavors / "pyfunc", "without")
