"""The programs of the stack, described: what is run, with what, and how it is stopped."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from tiffin.home import ENVOYS, TiffinHome
from tiffin.stack.daemon import base_environment
from tiffin.stack.environment import airflow_environment, mlflow_environment, settings_of
from tiffin.stack.supervisor import Program

AIRFLOW = ("airflow-api-server", "airflow-scheduler", "airflow-dag-processor", "airflow-triggerer")
STACK = (*ENVOYS, "postgres", "mlflow", *AIRFLOW)
"""In the order of their start. Envoy is first: the services answer while the rest comes up."""

FORMER = ("envoy",)
"""What earlier versions ran. It would hold what the programs above need."""


def airflow_programs(home: TiffinHome) -> tuple[Program, ...]:
    """Describe Airflow's four components.

    Their log servers would listen on every interface; all logs are in one folder here, so the
    API server reads them there.
    """
    environment = {**base_environment(home), **airflow_environment(settings_of(home))}
    home.folder("airflow")
    return (
        _airflow("api-server", environment, 15),
        _airflow("scheduler", environment, 10, "--skip-serve-logs"),
        _airflow("dag-processor", environment, 10),
        _airflow("triggerer", environment, 10, "--skip-serve-logs"),
    )


def mlflow_program(home: TiffinHome) -> Program:
    """Describe the MLflow server; it stores and serves the artifacts itself."""
    settings = settings_of(home)
    command = (
        *(tool("mlflow"), "server", "--host", "127.0.0.1", "--port", str(home.port("mlflow"))),
        *("--backend-store-uri", settings.mlflow_database, "--workers", "1"),
        *("--serve-artifacts", "--artifacts-destination", str(home.folder("artifacts"))),
    )
    return Program("mlflow", command, {**base_environment(home), **mlflow_environment(settings)})


def envoy_program(home: TiffinHome, name: str, bootstrap: Path) -> Program:
    """Describe one of the routers. Without hot restart they share nothing but ports and files."""
    command = (
        *(envoy_binary(), "-c", str(bootstrap), "--concurrency", "2"),
        *("--disable-hot-restart", "--log-level", "warning"),
    )
    return Program(name, command, base_environment(home))


def envoy_binary() -> str:
    """Return the Envoy executable itself, so that its process id is the supervised one."""
    spec = find_spec("envoy")
    if spec is None or not spec.submodule_search_locations:
        return tool("envoy")
    return str(Path(spec.submodule_search_locations[0]) / "_bin" / "envoy")


def tool(name: str) -> str:
    """Return a command of this Python environment."""
    return str(Path(sys.executable).parent / name)


def _airflow(
    component: str, environment: Mapping[str, str], stop_seconds: int, *options: str
) -> Program:
    command = (tool("airflow"), component, *options)
    return Program(f"airflow-{component}", command, environment, stop_seconds=stop_seconds)
