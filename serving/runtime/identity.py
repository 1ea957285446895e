"""Who answers: what a bento knows about itself, and what its Revision adds when it starts."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class ModelKind(StrEnum):
    """What a tabular model answers with."""

    CLASSIFICATION = "classification"
    REGRESSION = "regression"
    CAUSAL = "causal"


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a bento was built for; packaging writes it as `recipe.json` beside the source."""

    service: str
    model: str
    kind: ModelKind
    model_tag: str
    """The model's tag in BentoML's store; its version follows from what it was compiled of."""

    @classmethod
    def read(cls, file: Path) -> Recipe:
        """Read `recipe.json`."""
        fields = json.loads(file.read_text(encoding="utf-8"))
        return cls(**{**fields, "kind": ModelKind(fields["kind"])})


@dataclass(frozen=True, slots=True)
class Identity:
    """The model's name and version and the Revision, as answers and metrics state them.

    They come from the environment, since two versions with the same bytes share one bento.
    """

    service: str
    model_name: str
    model_version: str
    revision: str
    kind: ModelKind

    @classmethod
    def of(cls, recipe: Recipe, environment: Mapping[str, str] = os.environ) -> Identity:
        """Join the recipe with TIFFIN_MODEL_VERSION and TIFFIN_REVISION."""
        return cls(
            service=recipe.service,
            model_name=recipe.model,
            model_version=environment.get("TIFFIN_MODEL_VERSION", "unknown"),
            revision=environment.get("TIFFIN_REVISION", "unknown"),
            kind=recipe.kind,
        )
