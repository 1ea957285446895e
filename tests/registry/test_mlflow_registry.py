from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest
import requests

from tests.contracts.registry import RegistryContract, RegistryUnderTest, make_artifact
from tiffin.errors import RefusedError
from tiffin.registry.digest import tree_digest
from tiffin.registry.mlflow_registry import MlflowRegistry
from tiffin.registry.model_version import ModelVersion, RunRecord

pytestmark = pytest.mark.timeout(300)


@dataclass(frozen=True)
class Server:
    """What a training script and a person at the UI would do, without `import mlflow`."""

    url: str

    def call(self, method: str, path: str, **body: object) -> dict:
        options = {"params": body} if method == "GET" else {"json": body}
        answer = requests.request(method, f"{self.url}/api/2.0/mlflow/{path}", **options)
        assert answer.ok, answer.text
        return answer.json()

    def upload(self, uri: str, folder: Path) -> None:
        for file in (path for path in folder.rglob("*") if path.is_file()):
            self.upload_file(f"{uri}/{file.relative_to(folder).as_posix()}", file)

    def upload_file(self, uri: str, file: Path) -> None:
        path = quote(uri.removeprefix("mlflow-artifacts:"))
        url = f"{self.url}/api/2.0/mlflow-artifacts/artifacts{path}"
        assert requests.put(url, data=file.read_bytes()).ok

    def start_run(self) -> dict:
        return self.call("POST", "runs/create", experiment_id="0", start_time=1)["run"]["info"]

    def publish(
        self,
        model: str,
        artifact: Path,
        *,
        metrics: Mapping[str, float],
        evaluation_data: Path | None = None,
    ) -> ModelVersion:
        run = self.start_run()
        self.upload(f"{run['artifact_uri']}/model", artifact)
        for key, value in metrics.items():
            self.call("POST", "runs/log-metric", run_id=run["run_id"], key=key, value=value,
                      timestamp=1)  # fmt: skip
        if evaluation_data:
            self.upload_file(f"{run['artifact_uri']}/evaluation/data.csv", evaluation_data)
        return self.register(model, f"runs:/{run['run_id']}/model", run["run_id"])

    def register(self, model: str, source: str, run_id: str | None, **more: str) -> ModelVersion:
        requests.post(f"{self.url}/api/2.0/mlflow/registered-models/create", json={"name": model})
        body = {"name": model, "source": source, "run_id": run_id, **more}
        said = self.call("POST", "model-versions/create", **body)
        number = said["model_version"]["version"]
        return ModelVersion(model, number, source, run_id)

    def look(self, run_id: str) -> tuple[str, Mapping[str, str], set[tuple[object, ...]]]:
        run = self.call("GET", "runs/get", run_id=run_id)["run"]
        tags = {tag["key"]: tag["value"] for tag in run["data"]["tags"]}
        points = set()
        for key in {metric["key"] for metric in run["data"].get("metrics", [])}:
            history = self.call("GET", "metrics/get-history", run_id=run_id, metric_key=key)
            points |= {(key, m["value"], m["timestamp"], m["step"]) for m in history["metrics"]}
        return run["info"]["status"], tags, points


@pytest.fixture
def server(mlflow_url: str) -> Server:
    return Server(mlflow_url)


@pytest.fixture
def registry(mlflow_url: str) -> MlflowRegistry:
    return MlflowRegistry(mlflow_url)


class TestMlflowRegistry(RegistryContract):
    @pytest.fixture
    def under_test(self, server: Server, registry: MlflowRegistry) -> RegistryUnderTest:
        return RegistryUnderTest(registry, server.publish, server.look)


def test_fetches_a_logged_model_and_finds_its_run(server, registry, tmp_path):
    run = server.start_run()
    said = server.call(
        "POST", "logged-models", experiment_id="0", name="m", source_run_id=run["run_id"]
    )
    info = said["model"]["info"]
    artifact = make_artifact(tmp_path / "artifact")
    server.upload(info["artifact_uri"], artifact)
    source, model_id = f"models:/{info['model_id']}", info["model_id"]
    version = server.register("logged", source, None, model_id=model_id)
    found = registry.version("logged", version.version)
    assert tree_digest(registry.fetch_artifact(found, tmp_path / "into")) == tree_digest(artifact)
    assert registry.metrics(found) == {}


def test_fetches_from_a_proxied_source(server, registry, tmp_path):
    run = server.start_run()
    artifact = make_artifact(tmp_path / "artifact")
    server.upload(f"{run['artifact_uri']}/model", artifact)
    version = server.register("proxied", f"{run['artifact_uri']}/model", run["run_id"])
    assert tree_digest(registry.fetch_artifact(version, tmp_path)) == tree_digest(artifact)


def test_refuses_metrics_of_a_version_that_no_run_made(registry):
    with pytest.raises(RefusedError) as refusal:
        registry.metrics(ModelVersion("m", "1", "mlflow-artifacts:/0/x"))
    assert refusal.value.code == "no-run"


def test_two_records_of_one_release_become_one_run(server, registry):
    record = RunRecord("releases", f"r-{uuid.uuid4().hex}", {}, {})
    first = registry.ensure_run(record)
    experiment = server.call("GET", "runs/get", run_id=first)["run"]["info"]["experiment_id"]
    server.call("POST", "runs/create", experiment_id=experiment, run_name=record.name,
                start_time=2**53)  # fmt: skip
    assert registry.ensure_run(record) == first


def test_refuses_a_run_name_that_would_end_the_filter(registry):
    with pytest.raises(RefusedError) as refusal:
        registry.ensure_run(RunRecord("releases", "r' OR '1'='1", {}, {}))
    assert refusal.value.code == "bad-run-name"


def test_a_failed_release_is_a_failed_run(server, registry):
    run_id = registry.ensure_run(RunRecord("releases", f"r-{uuid.uuid4().hex}", {}, {}))
    registry.end_run(run_id, succeeded=False, tags={})
    assert server.look(run_id)[0] == "FAILED"
