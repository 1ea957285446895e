"""The `features` section of a service file, as a model server reads it.

Packaging writes it into the bento as `features.json`; TIFFIN_FEATURES_FILE names another file, in
YAML or JSON, for a server whose store is elsewhere.
"""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import yaml  # type: ignore[import-untyped]
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    FiniteFloat,
    StrictBool,
    StrictInt,
    StrictStr,
    ValidationError,
    model_validator,
)

from serving.runtime.settings import BadSettingError

Cell = StrictBool | StrictInt | FiniteFloat | StrictStr


class EntityType(StrEnum):
    """What a key is."""

    INTEGER = "integer"
    TEXT = "text"


def _seconds(given: object) -> object:
    """Read `50ms`, `0.2s` or a number of seconds."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s)", given) if isinstance(given, str) else None
    if match is None:
        return given
    return float(match[1]) / (1000 if match[2] == "ms" else 1)


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FeastSection(_Section):
    """Where Feast's feature server is, and what it is asked for: one of the last two."""

    url: Annotated[str, Field(pattern=r"^https?://")]
    feature_service: str | None = None
    references: tuple[str, ...] = ()
    """Features as `view:feature`; the feature has the name of its column."""

    @model_validator(mode="after")
    def _says_what(self) -> FeastSection:
        if (self.feature_service is None) == (not self.references):
            raise ValueError("name either a feature_service or references")
        return self


class StoreSection(_Section):
    """Which online store: one of these."""

    feast: FeastSection | None = None
    file: Path | None = None
    """A JSON list of objects, each with the entity and its columns; it is held in memory."""

    @model_validator(mode="after")
    def _is_one(self) -> StoreSection:
        if (self.feast is None) == (self.file is None):
            raise ValueError("name either feast or file")
        return self


class FeaturesSection(_Section):
    """What callers may send instead of some columns, and where those are then looked up."""

    entity: Annotated[str, Field(min_length=1)]
    entity_type: EntityType = EntityType.INTEGER
    columns: Annotated[tuple[str, ...], Field(min_length=1)]
    store: StoreSection
    timeout: Annotated[float, BeforeValidator(_seconds), Field(gt=0, le=3600)] = 0.05
    """Seconds."""
    defaults: dict[str, Cell] = {}

    @model_validator(mode="after")
    def _agrees_with_its_columns(self) -> FeaturesSection:
        for name in self.defaults:
            if name not in self.columns:
                raise ValueError(f"defaults has {name}, which is not one of columns")
        feast = self.store.feast
        named = [name.partition(":")[2] for name in feast.references] if feast else []
        if named and sorted(named) != sorted(self.columns):
            raise ValueError("references must name the feature of each column once, as view:column")
        return self


def read_features(file: Path) -> FeaturesSection:
    """Read the section; raise BadSettingError, with the file and the key, for what is none."""
    try:
        return FeaturesSection.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as failure:
        words = " ".join(str(failure).split())
        raise BadSettingError(f"the features file {file} can't be read: {words}") from None
    except ValidationError as refused:
        first = refused.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise BadSettingError(f"{file}: {where}: {first['msg']}") from None
