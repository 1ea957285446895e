"""Who forgot `tiffin up` reads one sentence that says so, and no library's own words."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.test_model_commands import Tiffin, tiffin_at
from tests.serving.served_models import free_port

pytestmark = pytest.mark.timeout(200)


@pytest.fixture
def tiffin(tmp_path: Path) -> Tiffin:
    return tiffin_at(tmp_path, free_port())


@pytest.mark.parametrize("command", ["deploy credit-risk --version 1", "history", "history nosuch"])
def test_a_stack_that_is_down_is_one_sentence(tiffin: Tiffin, command: str) -> None:
    done = tiffin(*command.split())
    assert (done.returncode, done.stdout) == (3, "")
    assert "; start the stack with `tiffin up` [" in done.stderr
    assert "(" not in done.stderr


def test_status_says_once_what_it_can_not_know(tiffin: Tiffin) -> None:
    done = tiffin("status")
    assert done.returncode == 3
    assert done.stdout.count("the records database did not answer") == 1
    assert done.stdout.endswith("start the stack with `tiffin up`.\n")
