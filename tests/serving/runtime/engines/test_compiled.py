from __future__ import annotations

from pathlib import Path

from serving.runtime.engines.compiled import CompiledFiles, Plan, read_report
from serving.runtime.engines.encoder import Encoding, Form


def test_a_plan_comes_back_as_it_was_written(tmp_path: Path) -> None:
    plan = Plan(Encoding(Form.MATRIX), ("index", "probabilities"), ("no", "yes"))
    plan.write(tmp_path / "plan.json")
    assert Plan.read(tmp_path / "plan.json") == plan
    assert Plan.read(tmp_path / "plan.json").classes == ("no", "yes")


def test_an_artifact_that_nobody_tried_to_compile_has_no_report(tmp_path: Path) -> None:
    assert read_report(tmp_path) is None


def test_the_report_is_read_whatever_came_of_it(tmp_path: Path) -> None:
    files = CompiledFiles(tmp_path)
    files.folder.mkdir()
    files.report.write_text('{"engine": "native"}')
    assert read_report(tmp_path) == {"engine": "native"}
