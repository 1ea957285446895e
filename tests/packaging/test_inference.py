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
from tests.serving.services.tiny_artifact import tiny_artifact
from tiffin.errors import MeasuredBadError, RefusedError
from tiffin.home import PROJECT
from tiffin.packaging.bento import BentoReference, LoggedModel, ensure_bento
from tiffin.packaging.content import tree_digest
from tiffin.packaging.inference import FOLDER, InferenceReport, compile_model
from tiffin.packaging.recipe import recipe_for
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


SUMS = "a,b,total\n" + "".join(f"{n},1,{n + 1 + n % 4}\n" for n in range(40))
"""Rows of which a model that answers a + b is off by 0 to 3."""


def sums_service(target: str = "total", **inference: Any) -> Service:
    fields = example_service("sums", Kind.REGRESSION).model_dump() | {"inference": inference}
    return Service.model_validate(fields | {"validation": {"target": target}})


@pytest.fixture
def sums(tmp_path: Path) -> tuple[Path, Path]:
    """A regressor without an interval, and its evaluation data."""
    data = tmp_path / "sums.csv"
    data.write_text(SUMS)
    return tiny_artifact(tmp_path / "sums"), data


@pytest.mark.parametrize(
    ("inference", "engine", "sentence", "half_width"),
    [
        ({}, "onnxruntime", "conformal, 90 %, from 40 evaluation rows", 3.0),
        (
            {"engine": "native", "interval": "50%"},
            "native",
            "conformal, 50 %, from 40 evaluation rows",
            2.0,
        ),
        (
            {"engine": "native", "interval": "none"},
            "native",
            "not measured: the service file asks for none (inference.interval)",
            None,
        ),
    ],
)
def test_a_regressor_gets_an_interval_from_the_evaluation_data_or_a_reason(
    sums: tuple[Path, Path],
    tmp_path: Path,
    inference: dict[str, Any],
    engine: str,
    sentence: str,
    half_width: float | None,
) -> None:
    artifact, data = sums
    compile_model(sums_service(**inference), artifact, data, tmp_path)
    report = InferenceReport.read(tmp_path)
    assert (report.engine, report.interval) == (engine, sentence)
    file = tmp_path / FOLDER / "interval.json"
    found = json.loads(file.read_text())["half_width"] if file.is_file() else None
    assert found == (None if half_width is None else pytest.approx(half_width, rel=1e-5))


def test_without_evaluation_data_nothing_is_measured(
    sums: tuple[Path, Path], tmp_path: Path
) -> None:
    compile_model(sums_service(), sums[0], None, tmp_path)
    assert InferenceReport.read(tmp_path).interval == "not measured: there is no evaluation data"


def test_a_precision_is_a_request_that_parity_decides(
    sums: tuple[Path, Path], tmp_path: Path
) -> None:
    compile_model(sums_service(precision="float16"), *sums, tmp_path)
    report = InferenceReport.read(tmp_path)
    assert (report.engine, report.precision) == ("onnxruntime", "float64")
    assert "float16 was asked for, and disagrees with the model on" in report.reason


def test_a_compiler_that_is_stopped_leaves_nothing_that_nobody_compared(
    sums: tuple[Path, Path], tmp_path: Path
) -> None:
    half_written = tmp_path / FOLDER / "model.onnx"
    half_written.parent.mkdir()
    half_written.write_text("written, and not compared yet")
    unreadable = tmp_path / "unreadable.csv"
    unreadable.write_text("c\n1\n")
    compile_model(sums_service(), sums[0], unreadable, tmp_path)
    assert [file.name for file in half_written.parent.iterdir()] == ["report.json"]
    report = InferenceReport.read(tmp_path)
    assert report.interval is not None
    assert report.interval.startswith("not measured: ")
    assert "lacks the columns" in report.interval


@pytest.mark.parametrize(
    ("inference", "target"),
    [({"interval": "80%"}, "total"), ({"precision": "int8"}, "total"), ({}, "price")],
)
def test_what_decides_the_interval_and_the_precision_makes_another_bento(
    inference: dict[str, Any], target: str
) -> None:
    one, other = (
        recipe_for(service, "ab" * 32, None, PROJECT, python="3.11")
        for service in (sums_service(), sums_service(target, **inference))
    )
    assert one.tag != other.tag
    assert one.model_tag != other.model_tag
