from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from serving.runtime.engines.native import NativeEngine
from serving.runtime.identity import ModelKind
from serving.runtime.model_files import load_model, read_facts
from tests.serving.served_models import ServedModels

pytestmark = pytest.mark.timeout(300)


def test_loads_a_skops_file_and_its_input_example(served: ServedModels) -> None:
    model = load_model(served.artifact("credit-risk:v1"))
    assert model.signature.names[:2] == ("seniority", "home")
    assert model.example is not None
    assert model.example.count == 3


def test_reads_the_facts_without_loading_the_model(served: ServedModels) -> None:
    program = (
        "import sys; from pathlib import Path; from serving.runtime.model_files import read_facts;"
        "facts = read_facts(Path(sys.argv[1])); assert facts.example.count == 3;"
        "sys.exit('sklearn' in sys.modules or 'pandas' in sys.modules)"
    )
    artifact = str(served.artifact("credit-risk:v1"))
    subprocess.run([sys.executable, "-c", program, artifact], check=True, timeout=60)


def test_a_model_of_another_framework_has_facts_too(served: ServedModels, tmp_path: Path) -> None:
    copy = shutil.copytree(served.artifact("credit-risk:v1"), tmp_path / "model")
    description = (copy / "MLmodel").read_text()
    (copy / "MLmodel").write_text(description.replace("  sklearn:", "  other:"))
    assert read_facts(copy).signature.names[0] == "seniority"


def test_a_pickled_model_answers_as_the_same_model_in_skops(served: ServedModels) -> None:
    skops, pickled = (load_model(served.artifact(name)) for name in ("credit-risk:v1", "pickled"))
    one, other = (
        NativeEngine(model, ModelKind.CLASSIFICATION).outputs(model.example)
        for model in (skops, pickled)
        if model.example is not None
    )
    assert one["probabilities"].tolist() == other["probabilities"].tolist()
    assert one["predictions"].tolist() == other["predictions"].tolist()


def test_does_not_import_mlflow(served: ServedModels) -> None:
    program = (
        "import sys; from pathlib import Path; from serving.runtime.model_files import load_model;"
        "load_model(Path(sys.argv[1])); sys.exit('mlflow' in sys.modules)"
    )
    artifact = str(served.artifact("credit-risk:v1"))
    subprocess.run([sys.executable, "-c", program, artifact], check=True, timeout=60)


@pytest.mark.parametrize(
    ("line", "other", "sentence"),
    [
        ("  sklearn:", "  other:", "none of the flavors"),
        ("signature:", "something:", "no signature"),
        ("serialization_format: skops", "serialization_format: dill", "'dill'"),
    ],
)
def test_says_why_it_can_not_load(
    served: ServedModels, tmp_path: Path, line: str, other: str, sentence: str
) -> None:
    copy = shutil.copytree(served.artifact("credit-risk:v1"), tmp_path / "model")
    description = (copy / "MLmodel").read_text()
    assert line in description
    description = description.replace("  python_function:", "  unknown:")
    (copy / "MLmodel").write_text(description.replace(line, other))
    with pytest.raises(ValueError, match=sentence):
        load_model(copy)


def test_says_that_a_folder_is_no_artifact(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no MLmodel file"):
        load_model(tmp_path)
