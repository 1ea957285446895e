"""The checks that a model must pass before anything loads it, for those who make no release yet."""

from __future__ import annotations

from pathlib import Path

from tiffin.services.spec import Kind
from tiffin.validation.artifact import check_artifact
from tiffin.validation.check import Outcome
from tiffin.validation.description import BadDescriptionError, read_description
from tiffin.validation.frameworks import check_frameworks, installed_versions
from tiffin.validation.safety import check_safety


def why_not_to_be_loaded(artifact: Path, kind: Kind) -> str | None:
    """Return what is wrong with the artifact, in one sentence, or None."""
    try:
        description = read_description(artifact)
    except BadDescriptionError as problem:
        return str(problem)
    checks = (
        check_artifact(artifact, description),
        check_safety(artifact, description, kind),
        check_frameworks(artifact, description, installed_versions()),
    )
    wrong = (check.sentence for check in checks if check.outcome is Outcome.FAILED)
    return next(wrong, None)
