"""A registry in memory, its files in one folder: for trying things out without a server."""

from __future__ import annotations

import shutil
import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from tiffin.registry import refusals
from tiffin.registry.model_version import ModelVersion, RunRecord


@dataclass
class MemoryRun:
    """A run as it was recorded; `status` is RUNNING, FINISHED or FAILED, as MLflow says it."""

    record: RunRecord
    tags: dict[str, str]
    metrics: set[tuple[str, float, int, int]] = field(default_factory=set)
    status: str = "RUNNING"


@dataclass(frozen=True)
class _Published:
    artifact: Path
    metrics: Mapping[str, float]
    evaluation_data: Path | None


class MemoryRegistry:
    """Implements `Registry`; see there for the obligations."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.RLock()
        self._versions: dict[tuple[str, str], ModelVersion] = {}
        self._published: dict[tuple[str, str], _Published] = {}
        self._aliases: dict[tuple[str, str], str] = {}
        self.runs: dict[str, MemoryRun] = {}

    def publish(
        self,
        model: str,
        artifact: Path,
        *,
        metrics: Mapping[str, float],
        evaluation_data: Path | None = None,
    ) -> ModelVersion:
        """Register the next version of a model from files that are left where they are."""
        with self._lock:
            number = str(1 + sum(name == model for name, _ in self._versions))
            version = ModelVersion(name=model, version=number, source=artifact.as_uri())
            self._versions[model, number] = version
            self._published[model, number] = _Published(artifact, dict(metrics), evaluation_data)
        return version

    def version(self, model: str, version: str) -> ModelVersion:
        """Return one version with its tags and aliases (digest empty)."""
        with self._lock:
            found = self._versions.get((model, version))
            if found is None:
                raise refusals.unknown_version(model, version, self.versions(model))
            pointing = (a for (m, a), v in self._aliases.items() if (m, v) == (model, version))
            return replace(found, aliases=tuple(sorted(pointing)))

    def versions(self, model: str) -> tuple[str, ...]:
        """Return the numbers of a model's versions, newest first; none if there is no model."""
        with self._lock:
            numbers = [number for name, number in self._versions if name == model]
        return tuple(sorted(numbers, key=int, reverse=True))

    def version_by_alias(self, model: str, alias: str) -> ModelVersion | None:
        """Return the version an alias points to, or None when the alias is not set."""
        with self._lock:
            self._check_model(model)
            number = self._aliases.get((model, alias))
            return None if number is None else self.version(model, number)

    def fetch_artifact(self, version: ModelVersion, into: Path) -> Path:
        """Copy the version's whole artifact below `into`; twice is once."""
        folder = into / f"{version.name}-{version.version}"
        published = self._published_as(version)
        if not (published.artifact / "MLmodel").is_file():
            raise refusals.artifact_missing(version.name, version.version)
        if not folder.is_dir():
            draft = into / f".{folder.name}.{uuid.uuid4().hex}"
            shutil.copytree(published.artifact, draft)
            draft.rename(folder)
        return folder

    def fetch_evaluation_data(self, version: ModelVersion, into: Path) -> Path:
        """Copy the version's evaluation data; twice is once."""
        data = self._published_as(version).evaluation_data
        if data is None:
            raise refusals.no_evaluation_data(version.name, version.version)
        into.mkdir(parents=True, exist_ok=True)
        return _copy(data, into / f"{version.name}-{version.version}-evaluation.csv")

    def metrics(self, version: ModelVersion) -> Mapping[str, float]:
        """Return the metrics that the version was published with."""
        return self._published_as(version).metrics

    def set_alias(self, model: str, alias: str, version: str) -> None:
        """Point the alias at the version; twice is once."""
        with self._lock:
            self.version(model, version)
            self._aliases[model, alias] = version

    def delete_alias(self, model: str, alias: str, *, only_if: str) -> None:
        """Delete the alias if it still points to `only_if`; twice is once."""
        with self._lock:
            self._check_model(model)
            if self._aliases.get((model, alias)) == only_if:
                del self._aliases[model, alias]

    def set_tag(self, model: str, version: str, key: str, value: str) -> None:
        """Set a tag on a version; twice is once."""
        self._retag(model, version, lambda tags: {**tags, key: value})

    def delete_tag(self, model: str, version: str, key: str) -> None:
        """Delete a tag from a version; twice is once."""
        self._retag(model, version, lambda tags: {k: v for k, v in tags.items() if k != key})

    def ensure_run(self, record: RunRecord) -> str:
        """Return the id of the run with this experiment and name, made if it is not there."""
        with self._lock:
            for run_id, run in self.runs.items():
                if (run.record.experiment, run.record.name) == (record.experiment, record.name):
                    return run_id
            run_id = uuid.uuid4().hex
            self.runs[run_id] = MemoryRun(record, dict(record.tags))
            return run_id

    def log_metrics(self, run_id: str, metrics: Sequence[tuple[str, float, int, int]]) -> None:
        """Append points to a run; a point that comes twice is kept once."""
        with self._lock:
            self._run(run_id).metrics.update(metrics)

    def log_file(self, run_id: str, file: Path, folder: str = "") -> str:
        """Copy a file to the run's folder and return its file: URL; twice is once."""
        self._run(run_id)
        into = self._folder / "runs" / run_id / folder
        into.mkdir(parents=True, exist_ok=True)
        return _copy(file, into / file.name).as_uri()

    def end_run(self, run_id: str, *, succeeded: bool, tags: Mapping[str, str]) -> None:
        """Mark a run finished or failed, with closing tags; twice is once."""
        with self._lock:
            run = self._run(run_id)
            run.tags.update(tags)
            run.status = "FINISHED" if succeeded else "FAILED"

    def _retag(
        self, model: str, version: str, change: Callable[[Mapping[str, str]], dict[str, str]]
    ) -> None:
        with self._lock:
            self.version(model, version)
            now = self._versions[model, version]
            self._versions[model, version] = replace(now, tags=change(now.tags))

    def _check_model(self, model: str) -> None:
        if not any(name == model for name, _ in self._versions):
            raise refusals.unknown_model(model)

    def _published_as(self, version: ModelVersion) -> _Published:
        with self._lock:
            published = self._published.get((version.name, version.version))
        if published is None:
            raise refusals.unknown_version(version.name, version.version)
        return published

    def _run(self, run_id: str) -> MemoryRun:
        if run_id not in self.runs:
            raise refusals.unknown_run(run_id)
        return self.runs[run_id]


def _copy(file: Path, to: Path) -> Path:
    draft = to.with_name(f".{to.name}.{uuid.uuid4().hex}")
    shutil.copyfile(file, draft)
    draft.replace(to)
    return to
