from __future__ import annotations

from pathlib import Path

import pytest

from tiffin.cli.typed import typed_as

HERE = Path("/home/ada/shop")


@pytest.mark.parametrize(("program", "called", "found", "typed"), [
    ("tiffin", "/opt/bin/tiffin", "/opt/bin/tiffin", "tiffin"),
    ("tiffin", ".venv/bin/tiffin", None, ".venv/bin/tiffin"),
    ("tiffin", "/home/ada/shop/.venv/bin/tiffin", "/opt/bin/tiffin", ".venv/bin/tiffin"),
    ("bentoml", ".venv/bin/tiffin", None, ".venv/bin/bentoml"),
    ("bentoml", "/opt/my tools/tiffin", None, "'/opt/my tools/bentoml'"),
    ("bentoml", "./tiffin", None, "./bentoml"),
    ("tiffin", "/usr/lib/pytest.py", None, "tiffin"),
])  # fmt: skip
def test_a_program_is_typed_as_tiffin_was(
    program: str, called: str, found: str | None, typed: str
) -> None:
    assert typed_as(program, called, found, HERE) == typed
