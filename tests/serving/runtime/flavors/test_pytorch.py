"""Networks as `mlflow.pytorch` saves them, in a Python that has torch."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from serving.runtime.flavors.pytorch import load_estimator
from tiffin.home import PROJECT

pytestmark = pytest.mark.timeout(400)
PROGRAM = """
import json, sys, warnings
from pathlib import Path
warnings.simplefilter("ignore")
import mlflow, numpy, torch
from mlflow.models import infer_signature
from serving.runtime.engines.native import NativeEngine
from serving.runtime.identity import ModelKind
from serving.runtime.model_files import load_model
folder = Path(sys.argv[1])
rows = numpy.array([[1, 2], [3, -1], [0, 0.5]], dtype=numpy.float32)
options = {"signature": infer_signature(rows), "pip_requirements": [], "input_example": rows}
torch.manual_seed(0)
value = torch.nn.Linear(2, 1)
shares = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Softmax(1))
for name, network, form in (
    ("scripted", torch.jit.script(shares), "pickle"),
    ("exported", shares, "pt2"),
    ("value", value, "pt2"),
    ("pickled", value, "pickle"),
):
    mlflow.pytorch.save_model(network, folder / name, serialization_format=form, **options)
told = {}
for name, kind, network in (
    ("scripted", ModelKind.CLASSIFICATION, shares),
    ("exported", ModelKind.CLASSIFICATION, shares),
    ("value", ModelKind.REGRESSION, value),
):
    model = load_model(folder / name)
    outputs = NativeEngine(model, kind).outputs(model.example)
    told[name] = {key: values.tolist() for key, values in outputs.items()}
    told[name]["expected"] = network(torch.from_numpy(rows)).tolist()
try:
    load_model(folder / "pickled")
except ValueError as refused:
    told["pickled"] = str(refused)
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def told(torch_python: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    command = [str(torch_python), "-c", PROGRAM, str(tmp_path_factory.mktemp("networks"))]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=300, cwd=PROJECT, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("name", ["scripted", "exported"])
def test_a_network_with_a_softmax_answers_probabilities(told: dict, name: str) -> None:
    expected = told[name]["expected"]
    assert told[name]["probabilities"] == [pytest.approx(row, rel=1e-5) for row in expected]
    assert told[name]["predictions"] == [row.index(max(row)) for row in expected]


def test_a_network_with_one_output_answers_a_number(told: dict) -> None:
    expected = [value for (value,) in told["value"]["expected"]]
    assert told["value"]["predictions"] == pytest.approx(expected, rel=1e-5)


def test_a_pickled_module_is_not_loaded(told: dict) -> None:
    assert "model.pth is no TorchScript" in told["pickled"]


def test_says_that_torch_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ValueError, match="torch, which is not installed here; pip install torch"):
        load_estimator({"flavors": {"pytorch": {"model_data": "data"}}}, tmp_path)
