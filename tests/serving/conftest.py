from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tiffin.home import PROJECT


@pytest.fixture(scope="session")
def flavors(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Artifacts of all flavors, each in a folder of its own, as MLflow saves them."""
    place = tmp_path_factory.mktemp("flavors")
    command = [sys.executable, "-m", "tests.serving.runtime.flavors.save_flavors", str(place)]
    subprocess.run(command, check=True, capture_output=True, timeout=200, cwd=PROJECT)
    return place
