"""What all tests share: Airflow's environment, and the embedded stack, started once."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.mlflow_server import running_mlflow
from tests.serving.served_models import ServedModels
from tests.torch_python import python_with_torch
from tiffin.home import DEFAULT_PORTS, PROJECT, TiffinHome
from tiffin.ports import is_free
from tiffin.stack.daemon import end_supervisord, ensure_supervisord

# Airflow reads its environment when it is first imported, so this comes before any test module.
_AIRFLOW_HOME = Path(tempfile.mkdtemp(prefix="tiffin-airflow-"))
os.environ.update(
    {
        "AIRFLOW_HOME": str(_AIRFLOW_HOME),
        "AIRFLOW__CORE__DAGS_FOLDER": str(PROJECT / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(PROJECT / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__UNIT_TEST_MODE": "True",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{_AIRFLOW_HOME}/airflow.db",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "BENTOML_DO_NOT_TRACK": "True",
        "GX_ANALYTICS_ENABLED": "False",
        "NO_PROXY": "127.0.0.1,localhost",
    }
)


def pytest_unconfigure() -> None:
    shutil.rmtree(_AIRFLOW_HOME, ignore_errors=True)


@dataclass(frozen=True)
class EmbeddedStack:
    """A running stack in a folder of its own, and the `tiffin` command for it."""

    home: TiffinHome
    environment: Mapping[str, str]

    def tiffin(self, *arguments: str, timeout_s: float = 300) -> subprocess.CompletedProcess[str]:
        """Run `tiffin` on this stack; the caller looks at the exit code."""
        return subprocess.run(
            [str(Path(sys.executable).parent / "tiffin"), *arguments],
            env=dict(self.environment),
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedStack]:
    """The real stack, up once for all tests that carry the marker `stack`."""
    stack = embedded_stack(tmp_path_factory.mktemp("stack"), free_offset())
    started = stack.tiffin("up")
    try:
        assert started.returncode == 0, started.stderr + started.stdout
        yield stack
    finally:
        stack.tiffin("down")


@pytest.fixture(scope="session")
def served() -> Iterator[ServedModels]:
    """Example models, each trained and served once for all tests that ask."""
    models = ServedModels()
    yield models
    models.stop()


@pytest.fixture(scope="session")
def mlflow_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real MLflow server, started once for all tests that ask."""
    yield from running_mlflow(tmp_path_factory.mktemp("mlflow"))


@pytest.fixture(scope="session")
def torch_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python that has torch besides all that this one has; skips where none can be had."""
    return python_with_torch(tmp_path_factory.mktemp("torch"))


@pytest.fixture(scope="module")
def supervised_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TiffinHome]:
    """A home with a supervisor and nothing else on it."""
    home = embedded_stack(tmp_path_factory.mktemp("home"), free_offset()).home
    ensure_supervisord(home)
    yield home
    end_supervisord(home)


def embedded_stack(path: Path, offset: int) -> EmbeddedStack:
    """Return a stack that isn't up yet, with its ports settled."""
    settings = {"offset": offset} | {name: port + offset for name, port in DEFAULT_PORTS.items()}
    home = TiffinHome(path.resolve())
    home.__dict__["settings"] = settings
    home.remember_settings()
    return EmbeddedStack(home, {**os.environ, "TIFFIN_HOME": str(home.path)})


def free_offset() -> int:
    """Return a TIFFIN_PORT_OFFSET that moves every port to a free one.

    All stay below 32768: from there on Linux gives ports to outgoing connections, and a server
    that is started again would now and then find its port taken.
    """
    for _ in range(100):
        offset = random.randrange(1_000, 10_700, 10)
        if all(is_free(port + offset) for port in DEFAULT_PORTS.values()):
            return offset
    raise AssertionError("no free ports found")
