from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from serving.runtime.engines.compiled import CompiledFiles, read_report
from tests.serving.served_models import ServedModels
from tiffin.home import PROJECT

pytestmark = pytest.mark.timeout(400)


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "serving.conversion", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=PROJECT)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("credit-risk:v1", "classification"),
        ("credit-risk:v3", "classification"),
        ("house-prices:v1", "regression"),
        ("job-training:v1", "causal"),
    ],
)
def test_every_example_is_compiled_and_agrees_to_the_last_digits(
    served: ServedModels, tmp_path: Path, name: str, kind: str
) -> None:
    artifact, data = served.artifact(name), served.evaluation(name)
    done = run(artifact, data, tmp_path, "--kind", kind, "--tolerance", "1e-5")
    assert (done.returncode, done.stderr) == (0, "")
    report = read_report(tmp_path)
    assert report is not None
    assert report["engine"] == "onnxruntime", report
    assert all(found["worst_difference"] <= 1e-12 for found in report["compared"].values())
    timings = json.loads((tmp_path / "microseconds.json").read_text())
    assert timings["onnxruntime"] < timings["native"]


def test_data_that_can_not_be_read_is_refused_in_one_sentence(
    served: ServedModels, tmp_path: Path
) -> None:
    data = tmp_path / "data.csv"
    data.write_text("home\nrent\n")
    artifact = served.artifact("credit-risk:v1")
    done = run(artifact, data, tmp_path, "--kind", "classification", "--tolerance", "1e-5")
    assert done.returncode == 2
    assert "lacks the columns seniority" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not CompiledFiles(tmp_path).folder.exists()
