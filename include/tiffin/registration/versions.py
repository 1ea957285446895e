"""Which scikit-learn a model was saved with. A saved model means something to that version only."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from warnings import WarningMessage

_IN_PICKLES = re.compile(rb"_sklearn_version.{1,12}?(\d+\.\d+(?:\.\d+)?)", re.DOTALL)


def version_in(file: Path) -> str | None:
    """Return the version that an uncompressed pickle names; None where it names none."""
    found = _IN_PICKLES.search(file.read_bytes())
    return found[1].decode() if found else None


def version_warned_of(caught: Iterable[WarningMessage]) -> str | None:
    """Return the version that scikit-learn warned of when it loaded a model of another one."""
    for warning in caught:
        version = getattr(warning.message, "original_sklearn_version", None)
        if version is not None:
            return str(version)
    return None


def is_same_minor(one: str, other: str) -> bool:
    """Whether models may go from one version to the other."""
    return one.split(".")[:2] == other.split(".")[:2]
