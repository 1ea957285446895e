"""What the registry says of a model version, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

CHAMPION = "champion"
CHALLENGER = "challenger"
BAD_TAG = "tiffin.bad"
"""A version with this tag is refused until somebody deletes the tag; its value says why."""


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """A registered model's name, version and content digest; never "latest".

    `digest` is the SHA-256 of the artifact tree (see `tiffin.registry.digest`), or "" while the
    artifact has not been read yet.
    """

    name: str
    version: str
    source: str
    run_id: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()
    digest: str = ""

    @property
    def bad_reason(self) -> str | None:
        """Why this version may not be deployed, or None."""
        return self.tags.get(BAD_TAG)


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A Release as the registry's run: what people browse in MLflow."""

    experiment: str
    name: str
    tags: Mapping[str, str]
    params: Mapping[str, Any]
