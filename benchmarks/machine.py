"""What numbers were measured on: the machine, how busy it was, and the versions that matter."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tiffin.traffic.envoy_validation import envoy_binary

_PACKAGES = ("tiffin", "apache-airflow-core", "mlflow", "bentoml")


def machine() -> dict[str, Any]:
    """Look at the machine now; call it before the measuring adds its own load."""
    return {
        "processor": _processor(),
        "cpus": os.cpu_count(),
        "load_before": round(os.getloadavg()[0], 2),
        "system": platform.platform(),
        "python": platform.python_version(),
        "envoy": _envoy_version(),
        **{package: version(package) for package in _PACKAGES},
    }


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.machine())


def _envoy_version() -> str:
    command = [str(envoy_binary()), "--version"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return said.strip().rsplit("version: ", 1)[-1]
