"""The content digest of a model version's artifact: what "the same model" means."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

NOT_CONTENT = frozenset({"registered_model_meta"})
"""MLflow writes this file into some downloads and not into others; it says nothing of the model."""


def tree_digest(root: Path) -> str:
    """Return the SHA-256 over the relative paths and contents of all files below `root`."""
    files = sorted(
        (file.relative_to(root).as_posix(), _file_digest(file))
        for file in root.rglob("*")
        if file.is_file() and file.name not in NOT_CONTENT
    )
    return hashlib.sha256(json.dumps(files).encode()).hexdigest()


def _file_digest(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
