"""Puts models into MLflow's registry, over its REST API; `mlflow_registry` reads them again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tiffin.errors import RefusedError
from tiffin.registry import refusals
from tiffin.registry.mlflow_artifacts import MlflowArtifacts, proxied_path
from tiffin.registry.mlflow_registry import EVALUATION_DATA, MlflowRegistry
from tiffin.registry.mlflow_rest import MlflowRest
from tiffin.registry.model_version import ModelVersion, RunRecord

INPUTS_TAG = "tiffin.inputs"
"""On a version and its run: a digest of all that the version was made from."""

_MODEL = "model"


@dataclass(frozen=True, slots=True)
class Publication:
    """A model version before it is one."""

    model: str
    inputs: str
    """A digest of all that it was made from; a second publication of the same is none."""
    artifact: Path
    evaluation_data: Path | None
    files: tuple[Path, ...]
    """To be kept with the run."""
    metrics: Mapping[str, float]
    params: Mapping[str, str]
    experiment: str


class MlflowPublisher:
    """Registers model versions, each once for the same inputs."""

    def __init__(self, url: str) -> None:
        self._rest = MlflowRest(url)
        self._artifacts = MlflowArtifacts(self._rest)
        self.registry = MlflowRegistry(url)

    def find(self, model: str, inputs: str) -> ModelVersion | None:
        """Return the oldest version that was published from these inputs."""
        said = self._search(f"name='{model}' and tag.`{INPUTS_TAG}`='{inputs}'")
        numbers = sorted(int(found["version"]) for found in said)
        return self.registry.version(model, str(numbers[0])) if numbers else None

    def newest(self, model: str) -> ModelVersion:
        """Return the version with the highest number; RefusedError `unknown-model` if none."""
        numbers = self.registry.versions(model)
        if not numbers:
            raise refusals.unknown_model(model)
        return self.registry.version(model, max(numbers, key=int))

    def publish(self, publication: Publication) -> ModelVersion:
        """Log the files and register the version.

        Killed at any instant and called again, the same run is completed; the version is made
        last of all. Two at once may make two versions: the caller sees to that.
        """
        run = self._log(publication)
        self._ensure_model(publication.model)
        body = {
            "name": publication.model,
            "source": f"runs:/{run}/{_MODEL}",
            "run_id": run,
            "tags": [{"key": INPUTS_TAG, "value": publication.inputs}],
        }
        missing = refusals.unknown_model(publication.model)
        said = self._rest.send("POST", "mlflow/model-versions/create", body, missing=missing)
        return self.registry.version(publication.model, str(said["model_version"]["version"]))

    def kept_file(self, version: ModelVersion, name: str, into: Path) -> Path:
        """Copy one of the `files` of a publication."""
        missing = refusals.artifact_missing(version.name, version.version)
        asked = {"run_id": str(version.run_id)}
        run = self._rest.get("mlflow/runs/get", asked, missing=missing)["run"]
        root = proxied_path(str(run["info"]["artifact_uri"]))
        return self._artifacts.fetch_file(f"{root}/{name}", into / name, missing=missing)

    def _search(self, wanted: str) -> list[dict[str, Any]]:
        asked = {"filter": wanted, "max_results": "1000", "order_by": "version_number DESC"}
        missing = refusals.unknown_model(wanted)
        said = self._rest.get("mlflow/model-versions/search", asked, missing=missing)
        return list(said.get("model_versions", []))

    def _log(self, publication: Publication) -> str:
        """Fill the run of these inputs, which may have been begun before."""
        record = RunRecord(
            experiment=publication.experiment,
            name=f"{publication.model} {publication.inputs[:12]}",
            tags={INPUTS_TAG: publication.inputs},
            params=publication.params,
        )
        run = self.registry.ensure_run(record)
        artifact = publication.artifact
        for file in sorted(path for path in artifact.rglob("*") if path.is_file()):
            folder = (Path(_MODEL) / file.relative_to(artifact)).parent
            self.registry.log_file(run, file, folder.as_posix())
        if publication.evaluation_data is not None:
            folder = Path(EVALUATION_DATA).parent
            self.registry.log_file(run, publication.evaluation_data, folder.as_posix())
        for file in publication.files:
            self.registry.log_file(run, file)
        points = [(name, value, 0, 0) for name, value in publication.metrics.items()]
        self.registry.log_metrics(run, points)
        self.registry.end_run(run, succeeded=True, tags={})
        return run

    def _ensure_model(self, model: str) -> None:
        asked, missing = {"name": model}, refusals.unknown_model(model)
        try:
            self._rest.get("mlflow/registered-models/get", asked, missing=missing)
        except RefusedError as refusal:
            if refusal is not missing:
                raise
            self._rest.send("POST", "mlflow/registered-models/create", asked, missing=missing)
