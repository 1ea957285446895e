from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest

from serving.runtime.offline_predict import GOLDEN_ROWS, main
from tests.serving.served_models import ServedModels

pytestmark = pytest.mark.timeout(300)


def row_count(file: Path) -> int:
    with file.open(newline="") as stream:
        return sum(1 for _ in csv.DictReader(stream))


def test_predicts_the_evaluation_data_in_a_process_of_its_own(
    served: ServedModels, tmp_path: Path
) -> None:
    name, out = "credit-risk:v1", tmp_path / "out.json"
    command = [sys.executable, "-m", "serving.runtime.offline_predict"]
    places = [str(served.artifact(name)), str(served.evaluation(name)), str(out)]
    options = ["--kind", "classification", "--target", "status"]
    subprocess.run([*command, *places, *options], check=True, timeout=120)
    result = json.loads(out.read_text())
    assert result["rows"] == len(result["predictions"]) == row_count(served.evaluation(name))
    assert set(result["predictions"]) == {"good", "bad"}
    assert len(result["golden"]["features"]) == GOLDEN_ROWS
    assert result["golden"]["answer"]["predictions"] == result["predictions"][:GOLDEN_ROWS]


@pytest.mark.parametrize(
    ("name", "kind", "target"),
    [("house-prices:v1", "regression", "sale_price"), ("job-training:v1", "causal", "re78")],
)
def test_predicts_each_kind_with_intervals(
    served: ServedModels, tmp_path: Path, name: str, kind: str, target: str
) -> None:
    out = tmp_path / "out.json"
    places = [str(served.artifact(name)), str(served.evaluation(name)), str(out)]
    assert main([*places, "--kind", kind, "--target", target]) == 0
    result = json.loads(out.read_text())
    assert len(result["intervals"]) == len(result["predictions"]) == result["rows"]


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ("seniority,home\n1,rent\n", "lacks the columns time"),
        ("", "lacks the columns seniority"),
    ],
)
def test_says_why_it_can_not_read_the_data(
    served: ServedModels,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    table: str,
    sentence: str,
) -> None:
    data = tmp_path / "data.csv"
    data.write_text(table)
    places = [str(served.artifact("credit-risk:v1")), str(data), str(tmp_path / "out.json")]
    assert main([*places, "--kind", "classification"]) == 2
    assert sentence in capsys.readouterr().err
    assert not (tmp_path / "out.json").exists()


def test_names_the_cell_that_is_empty(
    served: ServedModels, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = served.evaluation("credit-risk:v1").read_text().splitlines()
    data = tmp_path / "data.csv"
    data.write_text("\n".join([rows[0], "," + rows[1].partition(",")[2]]))
    places = [str(served.artifact("credit-risk:v1")), str(data), str(tmp_path / "out.json")]
    assert main([*places, "--kind", "classification"]) == 2
    assert "data.csv[0][0] (seniority): send a whole number" in capsys.readouterr().err


def test_refuses_a_model_that_reads_the_truth(
    served: ServedModels, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = "credit-risk:v1"
    places = [str(served.artifact(name)), str(served.evaluation(name)), str(tmp_path / "o.json")]
    assert main([*places, "--kind", "classification", "--target", "income"]) == 2
    assert "the model reads income" in capsys.readouterr().err
