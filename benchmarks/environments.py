"""Virtual environments of others' tools, below `.bench/venvs`, pinned with hashes.

What they need does not fit beside what Tiffin needs; nothing of theirs reaches its environment.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
BENCH = PROJECT / ".bench"
UV = Path(sys.executable).parent / "uv"


def folder_of(name: str) -> Path:
    """Return where an environment is, or will be."""
    return BENCH / "venvs" / name


def ensure_environment(name: str, pins: Path, *options: str) -> Path:
    """Install what `pins` lists, where it isn't yet, and return the folder; twice is once.

    `options` are given to `uv pip install`.

    Raises subprocess.CalledProcessError when it can't be installed.
    """
    folder = folder_of(name)
    stamp = folder / ".installed"
    if stamp.is_file() and stamp.read_bytes() == pins.read_bytes():
        return folder
    print(f"installing {name}", file=sys.stderr, flush=True)
    _uv("venv", "--quiet", "--clear", "--python", sys.executable, str(folder))
    python = str(folder / "bin" / "python")
    which = ("--require-hashes", "-r", str(pins), *options)
    _uv("pip", "install", "--quiet", "--python", python, *which)
    stamp.write_bytes(pins.read_bytes())
    return folder


def _uv(*arguments: str) -> None:
    subprocess.run([str(UV), *arguments], check=True)
