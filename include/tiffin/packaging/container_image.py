"""An image of a bento, by BentoML's own `containerize` and whichever container engine is here."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections import deque
from collections.abc import Callable
from pathlib import Path

from tiffin.errors import RefusedError, UnavailableError
from tiffin.stack.programs import tool

ENGINES = ("docker", "podman", "buildah", "nerdctl")
"""In the order in which they are tried; BentoML knows each by this name."""

_ASKED_S = 20.0
_LAST_LINES = 5


def find_engine() -> str:
    """Return the first container engine that answers; UnavailableError when none does."""
    tried = []
    for engine in ENGINES:
        if shutil.which(engine) is None:
            continue
        if _answers(engine):
            return engine
        tried.append(engine)
    silent = f" ({', '.join(tried)} does not answer: is its daemon running?)" if tried else ""
    raise UnavailableError(
        f"there is no container engine here{silent}; install and start one of "
        f"{', '.join(ENGINES)}, or serve the bento without one: `bentoml serve`",
        code="no-container-engine",
    )


def _answers(engine: str) -> bool:
    """Ask for what needs the engine's daemon, where it has one."""
    question = ("version",) if engine == "buildah" else ("info",)
    try:
        done = subprocess.run(
            [engine, *question], capture_output=True, timeout=_ASKED_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def build_image(
    home_folder: Path, bento: str, image: str, engine: str, say: Callable[[str], None]
) -> None:
    """Build `image` from a bento in the BENTOML_HOME `home_folder`, telling what the engine says.

    Twice makes the same image, mostly from the engine's cache. Raises RefusedError
    `image-build-failed` with the engine's last words.
    """
    command = [tool("bentoml"), "containerize", bento, "--backend", engine, "--image-tag", image]
    last: deque[str] = deque(maxlen=_LAST_LINES)
    with subprocess.Popen(
        command,
        env=_environment(home_folder, engine),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            last.append(line.strip())
            say(line.rstrip())
    if process.returncode != 0:
        said = " ".join(line for line in last if line)[-400:]
        raise RefusedError(
            f"{engine} could not build {image}: {said or 'it said nothing'}",
            code="image-build-failed",
        )


def _environment(home_folder: Path, engine: str) -> dict[str, str]:
    environment = {
        **os.environ,
        "BENTOML_HOME": str(home_folder),
        "BENTOML_DO_NOT_TRACK": "True",
    }
    if engine == "docker" and not _has_buildx():
        environment["DOCKER_BUILDKIT"] = "0"  # BentoML asks for BuildKit, which needs buildx
    return environment


def _has_buildx() -> bool:
    return subprocess.run(["docker", "buildx", "version"], capture_output=True).returncode == 0
