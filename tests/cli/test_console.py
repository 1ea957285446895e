from __future__ import annotations

import io
import time

import pytest
from rich.console import Console

from tiffin.cli import console
from tiffin.cli.console import plain_console, working


def test_a_line_for_a_pipe_is_not_broken_and_not_taken_for_markup(
    capsys: pytest.CaptureFixture[str],
) -> None:
    sentence = "refused [unknown-version] " + "far too long " * 20
    plain_console().print(sentence)
    assert capsys.readouterr().out == f"{sentence}\n"


def test_what_is_at_work_says_so_on_stderr_where_there_is_no_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console, "_SIGN_OF_LIFE_S", 0.01)
    said = ""
    with working(Console(file=io.StringIO()), "Looking") as say:
        say("Measuring")
        while "Measuring (0 s)" not in said:
            time.sleep(0.01)
            said += capsys.readouterr().err
    capsys.readouterr()
    assert "Measuring (0 s)" in said


def test_what_is_quick_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with working(Console(file=io.StringIO()), "Looking"):
        pass
    assert capsys.readouterr() == ("", "")
