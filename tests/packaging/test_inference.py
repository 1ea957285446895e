from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.serving.served_models import ServedModels, example_service
from tiffin.errors import MeasuredBadError, RefusedError
from tiffin.home import PROJECT
from tiffin.packaging.bento import BentoReference, LoggedModel, ensure_bento
from tiffin.packaging.content import tree_digest
from tiffin.packaging.inference import FOLDER
from tiffin.services.spec import Kind, Service

pytestmark = pytest.mark.timeout(400)

NEXT_TO_NOTHING = 1e-18
"""A tolerance that the last digits of a float64 exceed."""

BUILD = """
import sys
from pathlib import Path
from tests.packaging.test_inference import build
build(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]))
"""


def service_with(**inference: Any) -> Service:
    fields = example_service("credit-risk", Kind.CLASSIFICATION).model_dump()
    return Service.model_validate(fields | {"inference": inference})


def build(home: Path, artifact: Path, data: Path | None, **inference: Any) -> BentoReference:
    model = LoggedModel(artifact, tree_digest(artifact), data)
    return ensure_bento(home, service_with(**inference), model, PROJECT)


def model_folder(home: Path) -> Path:
    (folder,) = (path for path in home.glob("models/credit-risk/*") if path.is_dir())
    return folder


@pytest.fixture(scope="module")
def artifact(served: ServedModels) -> Path:
    return served.artifact("credit-risk:v1")


@pytest.fixture(scope="module")
def data(served: ServedModels) -> Path:
    return served.evaluation("credit-risk:v1")


@pytest.fixture(scope="module")
def changed(artifact: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Evaluation data in which no row can be answered: home is a number."""
    file = tmp_path_factory.mktemp("changed") / "data.csv"
    file.write_text("home\n1\n")
    return file


def test_a_model_that_agrees_is_compiled_and_the_report_says_so(
    artifact: Path, data: Path, tmp_path: Path
) -> None:
    reference = build(tmp_path, artifact, data)
    report = reference.inference
    assert report is not None
    assert report.engine == "onnxruntime"
    rows = report.compared["evaluation rows"]
    assert rows["rows"] == len(data.read_text().splitlines()) - 1
    assert rows["disagreeing"] == 0
    assert rows["worst_difference"] <= report.tolerance
    assert {"onnxruntime", "scikit-learn"} <= report.versions.keys()
    assert set(reference.microseconds) == {"native", "onnxruntime"}
    written = json.loads((model_folder(tmp_path) / FOLDER / "report.json").read_text())
    assert written["reason"] == report.reason
    assert build(tmp_path, artifact, data) == reference


def test_two_processes_build_the_same_bytes_whatever_their_hashes(
    artifact: Path, data: Path, tmp_path: Path
) -> None:
    for seed in ("1", "2"):
        subprocess.run(
            [sys.executable, "-c", BUILD, str(tmp_path / seed), str(artifact), str(data)],
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=PROJECT,
            check=True,
            timeout=200,
        )
    one, other = (tree_digest(model_folder(tmp_path / seed)) for seed in ("1", "2"))
    assert one == other


@pytest.mark.parametrize(
    ("inference", "with_data", "sentence"),
    [
        ({"engine": "native"}, True, "the service file asks for it"),
        ({}, False, "there is no evaluation data"),
    ],
)
def test_a_model_stays_native_and_the_report_says_why(
    artifact: Path,
    data: Path,
    tmp_path: Path,
    inference: dict[str, Any],
    sentence: str,
    *,
    with_data: bool,
) -> None:
    report = build(tmp_path, artifact, data if with_data else None, **inference).inference
    assert report is not None
    assert report.engine == "native"
    assert sentence in report.reason
    assert [file.name for file in (model_folder(tmp_path) / FOLDER).iterdir()] == ["report.json"]


def test_a_compiler_that_fails_leaves_the_model_native(
    artifact: Path, changed: Path, tmp_path: Path
) -> None:
    report = build(tmp_path, artifact, changed).inference
    assert report is not None
    assert report.engine == "native"
    assert "lacks the columns" in report.reason


def test_a_service_that_insists_on_onnx_refuses_a_model_that_can_not_have_it(
    artifact: Path, changed: Path, tmp_path: Path
) -> None:
    with pytest.raises(RefusedError, match="insists on ONNX") as refused:
        build(tmp_path, artifact, changed, engine="onnx")
    assert refused.value.code == "onnx-impossible"
    assert not list(tmp_path.glob("bentos/*/*"))


def test_a_service_that_insists_on_onnx_refuses_a_model_that_disagrees(
    artifact: Path, data: Path, tmp_path: Path
) -> None:
    with pytest.raises(MeasuredBadError, match="disagrees with the model on") as refused:
        build(tmp_path, artifact, data, engine="onnx", tolerance=NEXT_TO_NOTHING)
    assert refused.value.code == "onnx-disagrees"


def test_a_model_that_disagrees_stays_native_with_the_count_of_its_rows(
    artifact: Path, data: Path, tmp_path: Path
) -> None:
    report = build(tmp_path, artifact, data, tolerance=NEXT_TO_NOTHING).inference
    assert report is not None
    assert report.engine == "native"
    assert report.compared["evaluation rows"]["disagreeing"] > 0
    assert not (model_folder(tmp_path) / FOLDER / "model.onnx").exists()


def test_what_an_artifact_brings_along_as_compiled_is_left_out(
    artifact: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "artifact"
    shutil.copytree(artifact, copy)
    (copy / FOLDER).mkdir()
    (copy / FOLDER / "model.onnx").write_text("somebody's")
    build(tmp_path / "home", copy, None)
    assert not (model_folder(tmp_path / "home") / FOLDER / "model.onnx").exists()
