"""Trains and registers the example models, in a process of its own, as soon as MLflow answers."""

from __future__ import annotations

import json
import subprocess
import sys
import threading

import httpx

from tiffin.errors import UnavailableError
from tiffin.home import PROJECT, TiffinHome

RECIPES = (
    "credit-risk:v1",
    "credit-risk:v2",
    "credit-risk:v3",
    "house-prices:v1",
    "job-training:v1",
)
_POLL_S = 0.5

Versions = dict[str, str]
"""`credit-risk:v1` and so on, to the version number in the registry."""


def train_when_registry_answers(home: TiffinHome, given_up: threading.Event) -> Versions:
    """Wait for MLflow, then train; what is registered already is only looked up."""
    while not _answers(home):
        if given_up.wait(_POLL_S):
            return {}
    return _train(home)


def _train(home: TiffinHome) -> Versions:
    command = (sys.executable, "-m", "examples.train", "--tracking-uri", home.url("mlflow"))
    done = subprocess.run(
        (*command, "--which", ",".join(RECIPES)),
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["it said nothing"]
        raise UnavailableError(
            f"training the examples failed: {said[-1]}; see `tiffin logs mlflow`, then try again",
            code="training-failed",
        )
    found = json.loads(done.stdout)
    return {f"{row['model']}:{row['recipe']}": str(row["version"]) for row in found}


def _answers(home: TiffinHome) -> bool:
    try:
        url = f"{home.url('mlflow')}/health"
        return httpx.get(url, timeout=5, trust_env=False).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False
