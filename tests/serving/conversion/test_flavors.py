"""What MLflow saved in a native format is compiled as the same model in scikit-learn's is."""

from __future__ import annotations

from pathlib import Path

import pytest

from serving.conversion.conversion import convert
from serving.runtime.identity import ModelKind
from serving.runtime.model_files import load_model
from serving.runtime.offline_predict import read_rows

pytestmark = pytest.mark.timeout(300)


@pytest.mark.parametrize(
    ("name", "kind", "engine"),
    [
        ("xgboost-json", ModelKind.CLASSIFICATION, "onnxruntime"),
        ("xgboost-ubj", ModelKind.REGRESSION, "onnxruntime"),
        ("lightgbm-skops", ModelKind.CLASSIFICATION, "onnxruntime"),
        ("lightgbm-booster", ModelKind.REGRESSION, "native"),
        ("onnx-words", ModelKind.CLASSIFICATION, "native"),
    ],
)
def test_an_estimator_is_compiled_and_agrees(
    flavors: Path,
    tmp_path: Path,
    name: str,
    kind: ModelKind,
    engine: str,
) -> None:
    model = load_model(flavors / name)
    cells = read_rows(flavors / "data.csv", model.signature).cells
    report = convert(model, kind, cells, 1e-5, tmp_path)
    assert report.engine == engine, report
    if engine == "native":
        assert "has no scikit-learn interface" in report.reason
