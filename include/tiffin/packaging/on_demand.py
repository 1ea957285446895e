"""A bento for somebody who asks for one by name, outside of a release: the same bento as its."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tiffin.errors import MeasuredBadError, RefusedError
from tiffin.home import PROJECT, TiffinHome
from tiffin.packaging.bento import BentoReference, LoggedModel, ensure_bento
from tiffin.registry.digest import tree_digest
from tiffin.registry.mlflow_publishing import MlflowPublisher
from tiffin.registry.model_version import ModelVersion
from tiffin.services.spec import Service
from tiffin.validation.before_loading import why_not_to_be_loaded


@dataclass(frozen=True, slots=True)
class Reference:
    """What somebody asks for: the version, or what the alias points to, or else the newest."""

    service: str
    version: str | None = None
    alias: str | None = None

    @classmethod
    def of(cls, text: str) -> Reference:
        """Take `churn:3`, `churn@champion` or `churn` apart; RefusedError for anything else."""
        service, at, alias = text.partition("@")
        if at and service and alias:
            return cls(service, alias=alias)
        service, colon, version = text.rpartition(":")
        if not at and not colon and text:
            return cls(text)
        if at or not service or not version.isdigit():
            raise RefusedError(
                f"{text!r} names no version; write SERVICE:3, SERVICE@champion, or SERVICE alone "
                "for the newest",
                code="bad-request",
            )
        return cls(service, version=version)


@dataclass(frozen=True, slots=True)
class Built:
    """A bento, and what it is of."""

    service: Service
    version: ModelVersion
    bento: BentoReference
    path: Path


def resolve(publisher: MlflowPublisher, service: Service, asked: Reference) -> ModelVersion:
    """Return the one version that is meant, by its number from then on."""
    if asked.version is not None:
        return publisher.registry.version(service.model, asked.version)
    if asked.alias is None:
        return publisher.newest(service.model)
    found = publisher.registry.version_by_alias(service.model, asked.alias)
    if found is None:
        raise RefusedError(
            f"model {service.model} has no alias {asked.alias!r}; set it in MLflow, or name a "
            "version",
            code="unknown-alias",
        )
    return found


def build_version(
    home: TiffinHome, publisher: MlflowPublisher, service: Service, version: ModelVersion
) -> Built:
    """Return the version's bento, built if it isn't there; twice is once.

    Raises MeasuredBadError `validation-failed` for a model that must not be loaded: building
    loads it, confined, to compile it. Else as `ensure_bento` does.
    """
    work, store = home.folder("builds", service.name), home.folder("bentoml")
    artifact = publisher.registry.fetch_artifact(version, work)
    if problem := why_not_to_be_loaded(artifact, service.kind):
        raise MeasuredBadError(
            f"version {version.version} of {version.name} can't be built: {problem}",
            code="validation-failed",
        )
    data: Path | None = None
    with suppress(RefusedError):  # without evaluation data the model stays as it was logged
        data = publisher.registry.fetch_evaluation_data(version, work)
    model = LoggedModel(artifact, tree_digest(artifact), data)
    bento = ensure_bento(store, service, model, PROJECT)
    return Built(service, version, bento, store / "bentos" / service.name / bento.version)
