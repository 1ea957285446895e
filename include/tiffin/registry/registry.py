"""The port to the model registry; every implementation passes tests/contracts/registry.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from tiffin.registry.model_version import ModelVersion, RunRecord


class Registry(Protocol):
    """Model versions, their artifacts, aliases and tags, and the runs that record Releases.

    Obligations of every implementation: a name, version or alias that does not exist raises
    `RefusedError`; a server that does not answer raises `UnavailableError`; every write may be
    called twice with the same arguments and the second call changes nothing.
    """

    def version(self, model: str, version: str) -> ModelVersion:
        """Return one version with its tags and aliases (digest empty)."""

    def versions(self, model: str) -> tuple[str, ...]:
        """Return the numbers of a model's versions, newest first; none if there is no model."""

    def version_by_alias(self, model: str, alias: str) -> ModelVersion | None:
        """Return the version an alias points to, or None when the alias is not set."""

    def fetch_artifact(self, version: ModelVersion, into: Path) -> Path:
        """Copy the version's whole artifact below `into`; return the folder with its MLmodel.

        Atomic: the returned folder exists whole or not at all.
        """

    def fetch_evaluation_data(self, version: ModelVersion, into: Path) -> Path:
        """Copy the version's evaluation data; return the CSV file (see examples/ for its shape)."""

    def metrics(self, version: ModelVersion) -> Mapping[str, float]:
        """Return the metrics of the run that made the version."""

    def set_alias(self, model: str, alias: str, version: str) -> None:
        """Point the alias at the version."""

    def delete_alias(self, model: str, alias: str, *, only_if: str) -> None:
        """Delete the alias if it still points to version `only_if`; else change nothing."""

    def set_tag(self, model: str, version: str, key: str, value: str) -> None:
        """Set a tag on a version."""

    def delete_tag(self, model: str, version: str, key: str) -> None:
        """Delete a tag from a version; a tag that is not there is no error."""

    def ensure_run(self, record: RunRecord) -> str:
        """Return the id of the run with this experiment and name, made if it is not there."""

    def log_metrics(self, run_id: str, metrics: Sequence[tuple[str, float, int, int]]) -> None:
        """Append (key, value, unix milliseconds, step) points to a run."""

    def log_file(self, run_id: str, file: Path, folder: str = "") -> str:
        """Store a file with a run, under a folder; return a URL that a person can open."""

    def end_run(self, run_id: str, *, succeeded: bool, tags: Mapping[str, str]) -> None:
        """Mark a run finished or failed, with closing tags."""
