"""Example models as artifacts, as bentos and as running servers, each made once per test run."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import psutil
import requests

from tiffin.home import PROJECT
from tiffin.packaging.bento import BentoReference, LoggedModel, ensure_bento
from tiffin.packaging.content import tree_digest
from tiffin.packaging.serving_home import ensure_serving_home
from tiffin.services.spec import Kind, Service

EXAMPLES = {
    "credit-risk:v1": Kind.CLASSIFICATION,
    "credit-risk:v3": Kind.CLASSIFICATION,
    "house-prices:v1": Kind.REGRESSION,
    "job-training:v1": Kind.CAUSAL,
}
READY_WITHIN_S = 120


def example_service(name: str, kind: Kind) -> Service:
    return Service.model_validate(
        {
            "name": name,
            "model": name,
            "kind": kind,
            "port": 3001,
            "smoke": [{"name": "any", "body": {}}],
            "validation": {"target": "none"},
        }
    )


@dataclass(frozen=True)
class RunningServer:
    """A `bentoml serve` and where it answers."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path

    def post(self, path: str, body: object) -> requests.Response:
        return requests.post(f"{self.url}{path}", json=body, timeout=30)

    def predict(self, features: object, **more: Any) -> requests.Response:
        return self.post("/predict", {"input_data": {"features": features, **more}})


class ServedModels:
    """Makes what a test asks for, at its first asking."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="tiffin-served-"))
        self._servers: dict[str, RunningServer] = {}

    @cached_property
    def artifacts(self) -> Path:
        place = self.folder / "artifacts"
        command = [sys.executable, "-m", "tests.serving.save_artifacts", str(place), *EXAMPLES]
        subprocess.run(command, check=True, capture_output=True, timeout=200, cwd=PROJECT)
        return place

    def artifact(self, name: str) -> Path:
        return self.artifacts / name.replace(":", "-") / "model"

    def evaluation(self, name: str) -> Path:
        return self.artifacts / name.replace(":", "-") / "data.csv"

    def bento(self, name: str) -> BentoReference:
        artifact = self.artifact(name)
        model = LoggedModel(artifact, tree_digest(artifact), self.evaluation(name))
        service = example_service(name.partition(":")[0], EXAMPLES[name])
        home = self.folder / "bentoml"
        return ensure_bento(home, service, model, PROJECT)

    def server(self, name: str) -> RunningServer:
        if name not in self._servers:
            self._servers[name] = self._start(name)
        return self._servers[name]

    def _start(self, name: str) -> RunningServer:
        bento, port = self.bento(name), free_port()
        place = name.replace(":", "-")
        home = ensure_serving_home(self.folder / "bentoml", self.folder / "serving" / place)
        log = self.folder / f"{place}.log"
        with log.open("wb") as stream:
            process = subprocess.Popen(
                [
                    str(Path(sys.executable).parent / "bentoml"),
                    *("serve", bento.tag, "--host", "127.0.0.1", "--port", str(port)),
                ],
                env={
                    **os.environ,
                    "BENTOML_HOME": str(home),
                    "BENTOML_DO_NOT_TRACK": "True",
                    "TIFFIN_MODEL_VERSION": "7",
                    "TIFFIN_REVISION": "v7-test",
                },
                cwd=self.folder,
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        server = RunningServer(f"http://127.0.0.1:{port}", process, log)
        self._servers[name] = server
        _wait_until_ready(server)
        return server

    def stop(self) -> None:
        for server in self._servers.values():
            kill(server.process)
        self._servers.clear()
        shutil.rmtree(self.folder, ignore_errors=True)


def kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a server and its workers, which are in sessions of their own; may be called twice."""
    if process.poll() is None:
        server = psutil.Process(process.pid)
        for each in (server, *server.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                each.kill()
    process.wait()


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _wait_until_ready(server: RunningServer) -> None:
    deadline = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline:
        assert server.process.poll() is None, server.log.read_text()
        try:
            if requests.get(f"{server.url}/readyz", timeout=2).ok:
                return
        except requests.RequestException:
            pass
        time.sleep(0.1)
    raise AssertionError(f"not ready within {READY_WITHIN_S} s: {server.log.read_text()}")
