"""The environments of others whose own clients and documents are tried on our server."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from benchmarks.environments import ensure_environment

HERE = Path(__file__).resolve().parent


def environment_or_skip(name: str, pins: str, *options: str) -> Path:
    """Return its folder below `.bench`; skip, and say so, where it can't be installed."""
    try:
        return ensure_environment(name, HERE / pins, *options)
    except subprocess.CalledProcessError as failure:
        pytest.skip(f"{name} can't be installed, so nothing was tried: {failure}")
