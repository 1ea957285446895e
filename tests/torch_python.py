"""A virtual environment with torch's CPU build, which no requirement of ours brings along."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

_WHEELS = "torch-*+cpu-cp3{minor}-*.whl"


def python_with_torch(folder: Path) -> Path:
    """Return this Python, or one of a new environment made from a wheel on this machine.

    Looks for the wheel in the folders of PIP_FIND_LINKS: the index has torch with gigabytes of
    CUDA only.
    """
    if importlib.util.find_spec("torch") is not None:
        return Path(sys.executable)
    wheel = _wheel()
    if wheel is None:
        pytest.skip("NOT TESTED: torch; put a CPU wheel of it into a folder of PIP_FIND_LINKS")
    uv, python = Path(sys.executable).parent / "uv", folder / "venv" / "bin" / "python"
    _run(str(uv), "venv", "--quiet", "--python", sys.executable, str(folder / "venv"))
    _run(
        *(str(uv), "pip", "install", "--quiet", "--python", str(python), "--no-deps"),
        *(str(wheel), "sympy", "mpmath", "networkx", "onnxscript", "onnx-ir"),
    )
    site = next((folder / "venv" / "lib").glob("python*/site-packages"))
    ours = sysconfig.get_path("purelib")
    (site / "ours.pth").write_text(f"import site; site.addsitedir({ours!r})\n")
    return python


def _wheel() -> Path | None:
    pattern = _WHEELS.format(minor=sys.version_info.minor)
    folders = [Path(name) for name in os.environ.get("PIP_FIND_LINKS", "").split()]
    found = [wheel for folder in folders if folder.is_dir() for wheel in folder.glob(pattern)]
    return max(found, default=None)


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=280, check=False)
    if done.returncode != 0:
        pytest.skip(f"NOT TESTED: torch; it could not be installed: {done.stderr[-300:]}")
