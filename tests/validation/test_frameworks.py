from __future__ import annotations

import pytest

from tiffin.validation.check import CheckResult, Outcome
from tiffin.validation.description import Description
from tiffin.validation.frameworks import check_frameworks, installed_versions

RUNTIME = {"scikit-learn": "1.9.1", "numpy": "2.4.6", "orjson": "3.1.0", "xgboost-cpu": "3.2.0"}


def check(tmp_path, requirements: str, **flavors: dict[str, str]) -> CheckResult:
    (tmp_path / "requirements.txt").write_text(requirements)
    return check_frameworks(tmp_path, Description(flavors, ("a",), 1, None), RUNTIME)


@pytest.mark.parametrize("requirements", [
    "", "scikit-learn==1.9.0\n", "scikit_learn==1.9.1  # comment", "mlflow==9.9", "orjson==2.0",
    "numpy>=2", "xgboost==3.2.0", "xgboost-cpu==3.2.1", "onnx==1.2",
    "# only a comment\n\n-r other.txt",
])  # fmt: skip
def test_passes_what_the_runtime_can_serve(tmp_path, requirements):
    assert check(tmp_path, requirements).outcome is Outcome.PASSED


@pytest.mark.parametrize(("requirements", "said"), [
    ("scikit-learn==1.8.2", "trained with scikit-learn 1.8.2, the runtime has 1.9.1"),
    ("numpy==1.26.4", "pip install numpy==1.26.4"),
    ("econml[all]==0.17", "needs econml==0.17, which the runtime lacks; pip install econml==0.17"),
    ("xgboost==3.1.0", "trained with xgboost 3.1.0, the runtime has 3.2.0"),
    ("torch", "pip install torch"),
])  # fmt: skip
def test_refuses_what_the_runtime_lacks(tmp_path, requirements, said):
    found = check(tmp_path, requirements)
    assert found.outcome is Outcome.FAILED
    assert said in found.sentence


def test_reads_the_version_that_the_flavor_states(tmp_path):
    found = check(tmp_path, "", sklearn={"sklearn_version": "1.2.0"})
    assert "trained with scikit-learn 1.2.0" in found.sentence


def test_knows_what_is_installed_here():
    assert installed_versions()["scikit-learn"].count(".") == 2
