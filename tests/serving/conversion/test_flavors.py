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
    ("name", "kind", "reason"),
    [
        ("xgboost-json", ModelKind.CLASSIFICATION, "it agrees with the model on every row"),
        ("xgboost-ubj", ModelKind.REGRESSION, "it agrees with the model on every row"),
        ("lightgbm-skops", ModelKind.CLASSIFICATION, "it agrees with the model on every row"),
        ("lightgbm-booster", ModelKind.REGRESSION, "has no scikit-learn interface"),
        ("onnx-words", ModelKind.CLASSIFICATION, "has labels, and is answered as it is"),
    ],
)
def test_an_estimator_is_compiled_and_agrees_or_the_report_says_why_not(
    flavors: Path, tmp_path: Path, name: str, kind: ModelKind, reason: str
) -> None:
    model = load_model(flavors / name)
    cells = read_rows(flavors / "data.csv", model.signature).cells
    report = convert(model, kind, cells, 1e-5, tmp_path)
    assert reason in report.reason
    assert (report.engine == "onnxruntime") == reason.startswith("it agrees")
