"""The registry that production uses: an MLflow server, over its REST API."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tiffin.errors import RefusedError
from tiffin.registry import refusals
from tiffin.registry.mlflow_artifacts import MlflowArtifacts, proxied_path, safe_name
from tiffin.registry.mlflow_rest import MlflowRest
from tiffin.registry.model_version import ModelVersion, RunRecord

EVALUATION_DATA = "evaluation/data.csv"
"""Where the run that made a version keeps its evaluation data, among its artifacts."""

_LOGGED_MODEL = re.compile(r"models:/(m-[0-9a-f]{32})/?")
_RUN_SOURCE = re.compile(r"runs:/([0-9a-f]{32})/(.+)")
_LONGEST_PARAM = 6000
_BATCH = 900  # MLflow takes at most 1,000 metrics, and 1,000 entities in all, in one batch


class MlflowRegistry:
    """Implements `Registry`; see there for the obligations."""

    def __init__(self, url: str) -> None:
        self._rest = MlflowRest(url)
        self._artifacts = MlflowArtifacts(self._rest)

    def version(self, model: str, version: str) -> ModelVersion:
        """Return one version with its tags and aliases (digest empty)."""
        missing = refusals.unknown_version(model, version)
        try:
            return self._existing(model, version, missing)
        except RefusedError as refusal:
            if refusal is not missing:
                raise
        raise refusals.unknown_version(model, version, self.versions(model))

    def versions(self, model: str) -> tuple[str, ...]:
        """Return the numbers of a model's versions, newest first; none if there is no model."""
        asked = {
            "filter": f"name='{model}'",
            "max_results": "1000",
            "order_by": "version_number DESC",
        }
        missing = refusals.unknown_model(model)
        said = self._rest.get("mlflow/model-versions/search", asked, missing=missing)
        return tuple(str(found["version"]) for found in said.get("model_versions", []))

    def version_by_alias(self, model: str, alias: str) -> ModelVersion | None:
        """Return the version an alias points to, or None when the alias is not set."""
        missing = refusals.unknown_model(model)
        said = self._rest.get("mlflow/registered-models/get", {"name": model}, missing=missing)
        aliases = said["registered_model"].get("aliases", [])
        number = next((str(a["version"]) for a in aliases if a["alias"] == alias), None)
        return None if number is None else self.version(model, number)

    def fetch_artifact(self, version: ModelVersion, into: Path) -> Path:
        """Copy the version's whole artifact below `into`; twice is once, killed is not at all."""
        missing = refusals.artifact_missing(version.name, version.version)
        root = proxied_path(self._artifact_uri(version))
        folder = self._artifacts.fetch_tree(root, into / _folder_name(version), missing=missing)
        if not (folder / "MLmodel").is_file():
            raise missing
        return folder

    def fetch_evaluation_data(self, version: ModelVersion, into: Path) -> Path:
        """Copy the evaluation data of the version's run; twice is the same as once."""
        missing = refusals.no_evaluation_data(version.name, version.version)
        root = proxied_path(str(self._run_of(version)["info"]["artifact_uri"]))
        file = into / f"{_folder_name(version)}-evaluation.csv"
        return self._artifacts.fetch_file(f"{root}/{EVALUATION_DATA}", file, missing=missing)

    def metrics(self, version: ModelVersion) -> Mapping[str, float]:
        """Return the latest value of each metric of the version's run."""
        said = self._run_of(version)["data"].get("metrics", [])
        return {metric["key"]: float(metric["value"]) for metric in said}

    def set_alias(self, model: str, alias: str, version: str) -> None:
        """Point the alias at the version; where it already points there, send nothing.

        MLflow fires its webhook even for an alias that did not move, and each would be a delivery
        to tell apart from a person's wish.
        """
        if alias in self.version(model, version).aliases:
            return
        body = {"name": model, "alias": alias, "version": version}
        missing = refusals.unknown_version(model, version)
        self._rest.send("POST", "mlflow/registered-models/alias", body, missing=missing)

    def delete_alias(self, model: str, alias: str, *, only_if: str) -> None:
        """Delete the alias if it still points to `only_if`; twice is the same as once.

        MLflow has no compare-and-delete: an alias that moves between the look and the delete is
        lost. The reconcile reads the registry again and does what the mover asked for by hand.
        """
        now = self.version_by_alias(model, alias)
        if now is None or now.version != only_if:
            return
        body = {"name": model, "alias": alias}
        missing = refusals.unknown_model(model)
        self._rest.send("DELETE", "mlflow/registered-models/alias", body, missing=missing)

    def set_tag(self, model: str, version: str, key: str, value: str) -> None:
        """Set a tag on a version; a tag that is already so is not sent again."""
        if self.version(model, version).tags.get(key) != value:
            self._tag("POST", "set-tag", model, version, {"key": key, "value": value})

    def delete_tag(self, model: str, version: str, key: str) -> None:
        """Delete a tag from a version; a tag that is not there is not deleted again."""
        if key in self.version(model, version).tags:
            self._tag("DELETE", "delete-tag", model, version, {"key": key})

    def ensure_run(self, record: RunRecord) -> str:
        """Return the id of the run with this experiment and name, made if it is not there.

        Of two that were made at once the older one is the run, and whoever made the younger one
        deletes it. The parameters are sent each time: MLflow keeps what is already so, and a
        maker that was killed before it sent them is made good.
        """
        experiment = self._ensure_experiment(record.experiment)
        run_id = self._find_run(experiment, record.name) or self._make_run(experiment, record)
        params = {key: str(value)[:_LONGEST_PARAM] for key, value in record.params.items()}
        self._run_call("runs/log-batch", run_id, {"params": _pairs(params)})
        return run_id

    def log_metrics(self, run_id: str, metrics: Sequence[tuple[str, float, int, int]]) -> None:
        """Append points to a run; MLflow keeps a point that comes twice once."""
        points = [
            {"key": key, "value": value, "timestamp": when, "step": step}
            for key, value, when, step in metrics
        ]
        for start in range(0, len(points), _BATCH):
            self._run_call("runs/log-batch", run_id, {"metrics": points[start : start + _BATCH]})

    def log_file(self, run_id: str, file: Path, folder: str = "") -> str:
        """Store a file with a run; twice is the same as once. Return its page in MLflow's UI."""
        info = self._run(run_id)["info"]
        path = "/".join(safe_name(name) for name in [*folder.split("/"), file.name] if name)
        root = proxied_path(str(info["artifact_uri"]))
        self._artifacts.store(root, path, file, missing=refusals.unknown_run(run_id))
        run = f"experiments/{info['experiment_id']}/runs/{run_id}"
        return f"{self._rest.url}/#/{run}/artifacts/{path}"

    def end_run(self, run_id: str, *, succeeded: bool, tags: Mapping[str, str]) -> None:
        """Mark a run finished or failed, tags first; a run that has ended so is left as it is."""
        status = "FINISHED" if succeeded else "FAILED"
        self._run_call("runs/log-batch", run_id, {"tags": _pairs(tags)})
        if self._run(run_id)["info"]["status"] != status:
            self._run_call("runs/update", run_id, {"status": status, "end_time": _now_ms()})

    def _artifact_uri(self, version: ModelVersion) -> str:
        if logged := _LOGGED_MODEL.fullmatch(version.source):
            return str(self._logged_model(version, logged[1])["artifact_uri"])
        if run := _RUN_SOURCE.fullmatch(version.source):
            return f"{self._run(run[1])['info']['artifact_uri']}/{run[2]}"
        return version.source

    def _logged_model(self, version: ModelVersion, model_id: str) -> dict[str, Any]:
        missing = refusals.artifact_missing(version.name, version.version)
        said = self._rest.get(f"mlflow/logged-models/{model_id}", {}, missing=missing)
        info: dict[str, Any] = said["model"]["info"]
        return info

    def _run_of(self, version: ModelVersion) -> dict[str, Any]:
        run_id = version.run_id
        if run_id is None and (logged := _LOGGED_MODEL.fullmatch(version.source)):
            run_id = self._logged_model(version, logged[1]).get("source_run_id")
        if not run_id:
            raise refusals.no_run(version.name, version.version)
        return self._run(run_id)

    def _run(self, run_id: str) -> dict[str, Any]:
        missing = refusals.unknown_run(run_id)
        said = self._rest.get("mlflow/runs/get", {"run_id": run_id}, missing=missing)
        run: dict[str, Any] = said["run"]
        return run

    def _ensure_experiment(self, name: str) -> str:
        missing = refusals.unknown_experiment(name)
        try:
            return self._experiment(name, missing)
        except RefusedError as refusal:
            if refusal is not missing:
                raise
        try:
            self._rest.send("POST", "mlflow/experiments/create", {"name": name}, missing=missing)
        except RefusedError:
            # Somebody may have made it between our look and our call: theirs will do.
            return self._experiment(name, missing)
        return self._experiment(name, missing)

    def _experiment(self, name: str, missing: RefusedError) -> str:
        asked = {"experiment_name": name}
        said = self._rest.get("mlflow/experiments/get-by-name", asked, missing=missing)
        return str(said["experiment"]["experiment_id"])

    def _find_run(self, experiment: str, name: str) -> str | None:
        body = {
            "experiment_ids": [experiment],
            "filter": f"attributes.run_name = '{safe_run_name(name)}'",
            "order_by": ["attributes.start_time ASC", "attributes.run_id ASC"],
            "max_results": 1,
        }
        said = self._rest.send(
            "POST", "mlflow/runs/search", body, missing=refusals.unknown_run(name)
        )
        runs = said.get("runs", [])
        return str(runs[0]["info"]["run_id"]) if runs else None

    def _make_run(self, experiment: str, record: RunRecord) -> str:
        body = {
            "experiment_id": experiment,
            "run_name": record.name,
            "start_time": _now_ms(),
            "tags": _pairs(record.tags),
        }
        missing = refusals.unknown_experiment(record.experiment)
        said = self._rest.send("POST", "mlflow/runs/create", body, missing=missing)
        made = str(said["run"]["info"]["run_id"])
        oldest = self._find_run(experiment, record.name) or made
        if oldest != made:
            self._run_call("runs/delete", made, {})
        return oldest

    def _existing(self, model: str, version: str, missing: RefusedError) -> ModelVersion:
        if not version.isdigit():
            raise missing
        asked = {"name": model, "version": version}
        said = self._rest.get("mlflow/model-versions/get", asked, missing=missing)
        return _version(said["model_version"])

    def _run_call(self, call: str, run_id: str, body: Mapping[str, Any]) -> None:
        missing = refusals.unknown_run(run_id)
        self._rest.send("POST", f"mlflow/{call}", {"run_id": run_id, **body}, missing=missing)

    def _tag(
        self, method: str, call: str, model: str, version: str, tag: Mapping[str, str]
    ) -> None:
        body = {"name": model, "version": version, **tag}
        missing = refusals.unknown_version(model, version)
        self._rest.send(method, f"mlflow/model-versions/{call}", body, missing=missing)


def safe_run_name(name: str) -> str:
    """Return a run's name as it is; refuse one that would end MLflow's filter string."""
    if "'" in name or "\\" in name:
        raise RefusedError(
            f"the run name {name!r} holds a quote or a backslash; use another", code="bad-run-name"
        )
    return name


def _version(said: Mapping[str, Any]) -> ModelVersion:
    return ModelVersion(
        name=str(said["name"]),
        version=str(said["version"]),
        source=str(said["source"]),
        run_id=said.get("run_id") or None,
        tags={tag["key"]: tag.get("value", "") for tag in said.get("tags", [])},
        aliases=tuple(sorted(said.get("aliases", []))),
    )


def _folder_name(version: ModelVersion) -> str:
    identity = hashlib.sha256(f"{version.name}\n{version.source}".encode()).hexdigest()
    return f"v{version.version}-{identity[:12]}"


def _pairs(values: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in values.items()]


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
