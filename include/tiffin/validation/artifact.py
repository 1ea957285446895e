"""Is the artifact complete: are the files that it names there, with an input example?"""

from __future__ import annotations

import json
from pathlib import Path

from tiffin.validation.check import CheckResult, failed, passed
from tiffin.validation.description import Description

NAME = "artifact"


def check_artifact(artifact: Path, description: Description) -> CheckResult:
    """Look for every named file inside the artifact, and read the input example."""
    if description.example is None:
        return failed(NAME, "the model has no input example; log it with `input_example=`")
    for name in description.named_files:
        if problem := _problem_with(artifact, name):
            return failed(NAME, problem)
    try:
        json.loads((artifact / description.example).read_text(encoding="utf-8"))
    except ValueError:
        return failed(NAME, f"the input example {description.example} is no JSON; log it again")
    flavors = ", ".join(sorted(description.flavors))
    return passed(
        NAME, f"complete, with signature ({description.width} columns), example and {flavors}"
    )


def _problem_with(artifact: Path, name: str) -> str | None:
    file = artifact / name
    if not file.resolve().is_relative_to(artifact.resolve()):
        return f"MLmodel names {name!r}, which lies outside the artifact; log the model again"
    if not file.exists():
        return f"MLmodel names {name!r}, which the artifact lacks; log the model again"
    return None
