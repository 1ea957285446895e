from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.serving.services.bentoml_server import environment
from tiffin.home import PROJECT

PROGRAM = """
import bentoml
service = bentoml.load("service:{name}")
print(type(service).__name__, service.name, *service.apis)
"""


@pytest.mark.parametrize(
    ("folder", "name", "told"),
    [
        ("language_model_vllm", "LanguageModel", "PlatformService language-model generate"),
        ("image_model", "ImageModel", "PlatformService image-model classify"),
    ],
)
def test_bentoml_takes_an_example_without_its_libraries(
    tmp_path: Path, folder: str, name: str, told: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(name=name)],
        cwd=PROJECT / "examples" / "services" / folder,
        env=environment(tmp_path, PYTHONDONTWRITEBYTECODE="1"),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stdout.strip() == told, done.stderr
