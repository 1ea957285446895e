"""Who is measured: each server as it comes, tuned as its own documents advise, and with ONNX.

A tuned peer batches and leaves out the line per request in its log. With ONNX it doesn't batch:
a call of microseconds gains nothing by waiting for others.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from benchmarks.serving.environments import ENVIRONMENTS, python_of
from benchmarks.serving.peers.job import Job

Command = Callable[[Job, Path, Path], list[str]]
"""From a job, a folder for its files and the environment's `bin` to what is started."""
Variables = Callable[[Job, Path], dict[str, str]]


class Role(StrEnum):
    """What a line of the report stands for."""

    TIFFIN = "tiffin"
    PEER = "peer"
    LIMIT = "limit"


@dataclass(frozen=True, slots=True)
class Contender:
    """One line of the report."""

    name: str
    server: str
    """Its environment, and what `--peers` may call all of its variants."""
    engine: str
    wires: tuple[str, ...]
    """The protocols it can be asked by, the usual one first; none for the call in process."""
    start: Command
    role: Role = Role.PEER
    is_tuned: bool = False
    has_grpc_port: bool = False
    """Whether gRPC has a port of its own."""
    variables: Variables = field(default=lambda job, scratch: {})
    headers: Mapping[str, str] = field(default_factory=dict)

    def command(self, job: Job, scratch: Path) -> list[str]:
        """Return what to start; writes the files that it reads below `scratch`."""
        place = Path(sys.executable) if self.server not in ENVIRONMENTS else python_of(self.server)
        return self.start(job, scratch, place.parent)


def _module(name: str) -> Command:
    return lambda job, scratch, bin_: [
        str(bin_ / "python"),
        "-m",
        f"benchmarks.serving.peers.{name}",
    ]


def _bentoml(job: Job, scratch: Path, bin_: Path) -> list[str]:
    service = "benchmarks.serving.peers.bentoml.service:Plain"
    return [str(bin_ / "bentoml"), "serve", service, *_host_and_port(job)]


def _host_and_port(job: Job) -> list[str]:
    return ["--host", "127.0.0.1", "--port", str(job.port)]


def _bentoml_home(job: Job, scratch: Path) -> dict[str, str]:
    return {"BENTOML_HOME": str(scratch / "bentoml"), "BENTOML_DO_NOT_TRACK": "True"}


def _mlflow(job: Job, scratch: Path, bin_: Path) -> list[str]:
    model = job.folder / ("mlflow-onnx" if job.engine == "onnx" else "mlflow")
    options = ["--env-manager", "local", "--workers", "1", *_host_and_port(job)]
    return [str(bin_ / "mlflow"), "models", "serve", "--model-uri", str(model), *options]


def _mlflow_path(job: Job, scratch: Path) -> dict[str, str]:
    # MLflow starts `uvicorn` by its name.
    path = f"{python_of('mlflow').parent}{os.pathsep}{os.environ['PATH']}"
    return {"PATH": path, "MLFLOW_DISABLE_TELEMETRY": "true"}


def _mlserver(job: Job, scratch: Path, bin_: Path) -> list[str]:
    from benchmarks.serving.peers.mlserver.folder import write_folder

    write_folder(job, scratch)
    return [str(bin_ / "mlserver"), "start", str(scratch)]


def _uvicorn(app: str) -> Command:
    def start(job: Job, scratch: Path, bin_: Path) -> list[str]:
        application = f"benchmarks.serving.peers.limits.{app}:app"
        options = ["--no-access-log", "--log-level", "warning", *_host_and_port(job)]
        return [str(bin_ / "python"), "-m", "uvicorn", application, *options]

    return start


def _ray_throughput(job: Job, scratch: Path) -> dict[str, str]:
    return _RAY_QUIET | {"RAY_SERVE_THROUGHPUT_OPTIMIZED": "1", "RAY_SERVE_ENABLE_HA_PROXY": "1"}


_RAY_QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    # On one core its processes start slowly, and one that is late would be killed.
    "RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S": "60",
    "RAY_SERVE_PROXY_HEALTH_CHECK_TIMEOUT_S": "60",
}


def _variants(
    server: str,
    wires: Sequence[str],
    start: Command,
    *,
    variables: Variables = lambda job, scratch: {},
    tuned_variables: Variables | None = None,
    has_grpc_port: bool = False,
    names: Sequence[str] = ("", "-tuned", "-onnx"),
) -> list[Contender]:
    """Return a peer as it comes, tuned, and tuned with ONNX."""
    made = []
    for name in names:
        is_tuned = name != ""
        made.append(
            Contender(
                name=f"{server}{name}",
                server=server,
                engine="onnx" if name == "-onnx" else "sklearn",
                wires=tuple(wires),
                start=start,
                is_tuned=is_tuned,
                has_grpc_port=has_grpc_port,
                variables=tuned_variables if tuned_variables and is_tuned else variables,
            )
        )
    return made


_KEY = "bench-key"


def _tiffin(job: Job, scratch: Path, bin_: Path) -> list[str]:
    service = "benchmarks.serving.peers.tiffin.service:svc"
    return [str(bin_ / "bentoml"), "serve", service, *_host_and_port(job)]


def _tiffin_keys(job: Job, scratch: Path) -> dict[str, str]:
    from serving.services.keys import key_line

    keys, home = scratch / "keys", scratch / "bentoml"
    keys.write_text(key_line("bench", "predict", _KEY) + "\n", encoding="utf-8")
    shutil.copytree(job.folder / "store", home)
    return {
        "BENTOML_HOME": str(home),
        "BENTOML_DO_NOT_TRACK": "True",
        "TIFFIN_KEYS_FILE": str(keys),
    }


_PROTOCOLS = ("predict", "v1", "v2", "v2-binary", "grpc", "invocations")

TIFFIN = tuple(
    Contender(
        name=name,
        server="tiffin",
        engine=engine,
        wires=_PROTOCOLS,
        start=_tiffin,
        role=Role.TIFFIN,
        variables=_tiffin_keys,
        headers={"x-api-key": _KEY},
    )
    for name, engine in (("tiffin", "onnx"), ("tiffin-sklearn", "sklearn"))
)
"""As users start it, with keys and validation on: compiled, and with the native model."""

PEERS: tuple[Contender, ...] = (
    *_variants("bentoml", ["rows"], _bentoml, variables=_bentoml_home),
    *_variants("mlflow", ["invocations"], _mlflow, variables=_mlflow_path, names=("", "-onnx")),
    *_variants("mlserver", ["v2", "grpc"], _mlserver, has_grpc_port=True),
    *_variants("kserve", ["v1", "v2", "grpc"], _module("kserve.server"), has_grpc_port=True),
    *_variants("litserve", ["instances"], _module("litserve.server")),
    *_variants(
        "ray",
        ["instances"],
        _module("ray.server"),
        variables=lambda job, scratch: _RAY_QUIET,
        tuned_variables=_ray_throughput,
    ),
)

LIMITS: tuple[Contender, ...] = (
    Contender(
        "starlette-onnx", "limits", "onnx", ("instances",), _uvicorn("starlette_app"), Role.LIMIT
    ),
    Contender("raw-asgi-onnx", "limits", "onnx", ("instances",), _uvicorn("raw_asgi"), Role.LIMIT),
    Contender("in-process-onnx", "limits", "onnx", (), _module("limits.in_process"), Role.LIMIT),
    Contender(
        "in-process-sklearn", "limits", "sklearn", (), _module("limits.in_process"), Role.LIMIT
    ),
)

CONTENDERS = (*TIFFIN, *PEERS, *LIMITS)
