"""A real Feast feature server, in an environment of its own, started once for all that ask."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from benchmarks.environments import ensure_environment
from tests.serving.served_models import READY_WITHIN_S, free_port
from tiffin.home import PROJECT

HERE = Path(__file__).resolve().parent
CREDIT_DATA = PROJECT / "examples" / "data" / "credit_data.csv"


@dataclass(frozen=True)
class FeastServer:
    """Where it answers, and what it prints."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path


@pytest.fixture(scope="session")
def feast(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FeastServer]:
    try:
        environment = ensure_environment("feast", HERE / "feast.txt")
    except subprocess.CalledProcessError as failure:
        pytest.skip(f"NOT TRIED: Feast can't be installed here ({failure})")
    server = _start(environment / "bin" / "python", tmp_path_factory.mktemp("feast"))
    try:
        _wait_until_ready(server)
        yield server
    finally:
        os.killpg(server.process.pid, signal.SIGKILL)
        server.process.wait()


def _start(python: Path, folder: Path) -> FeastServer:
    port, log = free_port(), folder / "log"
    program = HERE / "feast_server.py"
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [str(python), str(program), str(folder), str(CREDIT_DATA), str(port)],
            env={**os.environ, "HOME": str(folder), "FEAST_USAGE": "False"},
            cwd=folder,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return FeastServer(f"http://127.0.0.1:{port}", process, log)


def _wait_until_ready(server: FeastServer) -> None:
    """Wait for a first answer, too: Feast's takes a while."""
    deadline = time.monotonic() + READY_WITHIN_S
    question = {"feature_service": "credit_risk", "entities": {"customer_id": [1]}}
    while time.monotonic() < deadline:
        assert server.process.poll() is None, server.log.read_text()
        try:
            if requests.post(f"{server.url}/get-online-features", json=question, timeout=20).ok:
                return
        except requests.RequestException:
            pass
        time.sleep(0.1)
    raise AssertionError(f"not ready within {READY_WITHIN_S} s: {server.log.read_text()}")
