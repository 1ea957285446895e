"""What MLflow saved is loaded by each flavor, and answers as the model in memory did."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from serving.runtime.engines.native import NativeEngine
from serving.runtime.identity import ModelKind
from serving.runtime.model_files import load_model
from tiffin.home import PROJECT

pytestmark = pytest.mark.timeout(300)
CLASSIFICATION, REGRESSION = ModelKind.CLASSIFICATION, ModelKind.REGRESSION

SAVED = [
    ("xgboost-json", CLASSIFICATION, [0, 1, 2]),
    ("xgboost-ubj", REGRESSION, None),
    ("xgboost-booster", REGRESSION, None),
    ("lightgbm-skops", CLASSIFICATION, ["bad", "fair", "good"]),
    ("lightgbm-pickle", CLASSIFICATION, ["bad", "fair", "good"]),
    ("lightgbm-booster", REGRESSION, None),
    ("onnx-words", CLASSIFICATION, ["bad", "fair", "good"]),
    ("onnx-classes", CLASSIFICATION, [0, 1, 2]),
    ("onnx-columns", REGRESSION, None),
]


@pytest.mark.parametrize(("name", "kind", "classes"), SAVED)
def test_answers_as_the_model_that_was_logged(
    flavors: Path, name: str, kind: ModelKind, classes: list[object] | None
) -> None:
    model = load_model(flavors / name)
    engine = NativeEngine(model, kind)
    assert engine.classes == classes
    assert model.example is not None
    outputs = engine.outputs(model.example)
    expected = pd.read_pickle(flavors / f"{name}.answers")
    assert set(outputs) == set(expected)
    for part, values in outputs.items():
        assert len(values) == 3
        if values.dtype.kind in "Oi":
            assert values.tolist() == expected[part].tolist()
        else:
            np.testing.assert_allclose(values, expected[part], rtol=1e-5)


def test_no_flavor_of_its_own_needs_mlflow(flavors: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from serving.runtime.model_files import load_model;"
        "[load_model(Path(artifact)) for artifact in sys.argv[1:]];"
        "sys.exit('mlflow' in sys.modules)"
    )
    artifacts = [str(flavors / name) for name, _, _ in SAVED]
    command = [sys.executable, "-c", program, *artifacts]
    subprocess.run(command, check=True, timeout=100, cwd=PROJECT)


def test_an_onnx_model_starts_without_pandas(flavors: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from serving.runtime.model_files import load_model;"
        "from serving.runtime.engines.native import NativeEngine;"
        "from serving.runtime.identity import ModelKind; model = load_model(Path(sys.argv[1]));"
        "NativeEngine(model, ModelKind.REGRESSION).outputs(model.example);"
        "sys.exit('pandas' in sys.modules or 'sklearn' in sys.modules)"
    )
    command = [sys.executable, "-c", program, str(flavors / "onnx-columns")]
    subprocess.run(command, check=True, timeout=100, cwd=PROJECT)


@pytest.mark.parametrize(("name", "line", "other", "sentence"), [
    ("xgboost-ubj", "XGBRegressor", "XGBModel", "XGBModel can't be loaded"),
    ("xgboost-ubj", "xgboost.sklearn.", "os.", "os.XGBRegressor can't be loaded"),
    ("xgboost-ubj", "data: model.ubj", "data: other.ubj", "lacks the model's file"),
    ("lightgbm-pickle", "_format: cloudpickle", "_format: dill", "'dill'"),
    ("onnx-network", "  onnx:", "  other:\n    a: 1\n  nothing:", "none of the flavors"),
])  # fmt: skip
def test_says_why_it_can_not_load(
    flavors: Path, tmp_path: Path, name: str, line: str, other: str, sentence: str
) -> None:
    copy = shutil.copytree(flavors / name, tmp_path / "model")
    description = (copy / "MLmodel").read_text().replace("  python_function:", "  unknown:")
    assert line in description
    (copy / "MLmodel").write_text(description.replace(line, other))
    with pytest.raises(ValueError, match=sentence):
        load_model(copy)
