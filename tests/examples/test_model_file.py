from __future__ import annotations

from pathlib import Path

import pytest

from examples.model_file import main
from tiffin.registration.columns import choose_columns
from tiffin.registration.loading import load
from tiffin.registration.recognition import recognise
from tiffin.registration.staging import stage
from tiffin.services.spec import Kind


def test_the_files_are_such_that_nothing_else_has_to_be_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path)]) == 0
    _, _, file, _, name, _, sample = capsys.readouterr().out.split()
    staged = stage(Path(file), recognise(Path(file)), tmp_path / "scratch")
    loaded = load(name, staged.file, staged.form)
    header = Path(sample).read_text().splitlines()[0].split(",")
    assert loaded.kind is Kind.CLASSIFICATION
    assert choose_columns(loaded.reads, header, None).truth == "status"
