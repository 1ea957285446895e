"""Runs BentoML's build in a process of its own: `python -m tiffin.packaging.builder REQUEST`.

Importing BentoML takes a second, and two builds in one process are not alike (it adds its
system packages again each time), so `tiffin.packaging.bento` starts this for each build. All it
writes is below the BENTOML_HOME that it was given, which nobody else looks at.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

from tiffin.packaging.inference import FOLDER

_TABULAR = "serving.services.tabular_service:TabularService"
_OWN = "service"


def main(request_file: str) -> None:
    """Do what the request says; exit with BentoML's reason, in one line, when it refuses."""
    from bentoml.exceptions import BentoMLException

    request = json.loads(Path(request_file).read_text(encoding="utf-8"))
    try:
        _build(request)
    except BentoMLException as error:
        sys.exit(" ".join(str(error).split()))


def _build(request: dict[str, Any]) -> None:
    """Put the model into the model store and build the bento from the folder `context`."""
    import bentoml

    with bentoml.models.create(
        request["model_tag"], module="tiffin", labels={"digest": request["model_digest"]}
    ) as model:
        _copy_model(request, Path(model.path))
    bentoml.bentos.build(
        _OWN if request["own"] else _TABULAR,
        name=request["service"],
        version=request["version"],
        build_ctx=request["context"],
        include=["**/*"],
        models=[request["model_tag"]],
        python=_python_options(request),
        docker={"python_version": request["python"]},
    )


def _copy_model(request: dict[str, Any], place: Path) -> None:
    """Copy the artifact and what was compiled of it; nothing that it brings along itself."""
    artifact, compiled = request["artifact"], Path(request["compiled"]) / FOLDER

    def foreign(folder: str, names: list[str]) -> list[str]:
        return [name for name in names if folder == artifact and name == FOLDER]

    shutil.copytree(artifact, place, dirs_exist_ok=True, ignore=foreign)
    if compiled.is_dir():
        shutil.copytree(compiled, place / FOLDER)


def _python_options(request: dict[str, Any]) -> dict[str, Any]:
    # Locking asks a package index; ours are pinned already, and a build must work offline.
    options: dict[str, Any] = {"lock_packages": False}
    if (Path(request["context"]) / "requirements.txt").is_file():
        options["requirements_txt"] = "requirements.txt"
    return options


if __name__ == "__main__":
    main(sys.argv[1])
