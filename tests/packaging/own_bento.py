"""A project with a bento of one's own in it, for tests that build one."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.serving.served_models import example_service
from tiffin.home import PROJECT
from tiffin.services.spec import Kind, Service

LOCK = """\
bentoml==1.4.39 \\
    --hash=sha256:00
uvicorn==0.48.0 \\
    --hash=sha256:00
xgboost-cpu==3.2.0 \\
    --hash=sha256:00
"""


def own_bento(project: Path, source: str, requirements: str = "") -> Service:
    """Write a service.py into `project`, beside what a checkout has; return its service file."""
    folder = project / "greeter"
    folder.mkdir(parents=True)
    (folder / "service.py").write_text(source)
    if requirements:
        (folder / "requirements.txt").write_text(requirements)
    (project / "requirements.txt").write_text(LOCK)
    bytecode = shutil.ignore_patterns("__pycache__")
    shutil.copytree(PROJECT / "serving", project / "serving", ignore=bytecode)
    tabular = example_service("greeter", Kind.CLASSIFICATION).model_dump()
    return Service.model_validate(tabular | {"kind": Kind.BENTO, "bento": "greeter"})
