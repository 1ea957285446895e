"""Real `bentoml serve` processes for a service.py of a test's own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.serving.served_models import RunningServer, _wait_until_ready, free_port, kill
from tiffin.home import PROJECT

BENTOML = str(Path(sys.executable).parent / "bentoml")
_STORE = """
import shutil, sys, bentoml
for tag, folder in zip(sys.argv[1::2], sys.argv[2::2]):
    with bentoml.models.create(tag, module="tiffin") as model:
        shutil.copytree(folder, model.path, dirs_exist_ok=True)
"""


def environment(home: Path, **more: str) -> dict[str, str]:
    return {
        **os.environ,
        "BENTOML_HOME": str(home),
        "BENTOML_DO_NOT_TRACK": "True",
        "PYTHONPATH": str(PROJECT),
        **more,
    }


def store_models(home: Path, **artifacts: Path) -> None:
    """Put artifacts into BentoML's model store, each as version 1 of its name."""
    pairs = [part for name, place in artifacts.items() for part in (f"{name}:1", str(place))]
    command = [sys.executable, "-c", _STORE, *pairs]
    subprocess.run(command, check=True, capture_output=True, env=environment(home), timeout=120)


@contextmanager
def serving(folder: Path, target: str, home: Path, **more: str) -> Iterator[RunningServer]:
    """Serve `target` of `folder` until the end of the block, or until the test has stopped it."""
    port, log = free_port(), folder / f"{free_port()}.log"
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [BENTOML, "serve", target, "--host", "127.0.0.1", "--port", str(port)],
            env=environment(home, **more),
            cwd=folder,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    server = RunningServer(f"http://127.0.0.1:{port}", process, log)
    try:
        _wait_until_ready(server)
        yield server
    finally:
        kill(process)
