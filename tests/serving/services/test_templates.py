from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests

from tests.serving.served_models import RunningServer, kill
from tests.serving.services.bentoml_server import BENTOML, environment, serving, store_models
from tests.serving.services.reconnecting_caller import LOST, REFUSED, ReconnectingCallers
from tests.serving.services.small_site import GOOD, keys_file, request_of
from tests.serving.services.tiny_artifact import tiny_artifact
from tiffin.home import PROJECT

pytestmark = pytest.mark.timeout(400)

SERVICE = """
from serving.services.causal import CausalService
from serving.services.classification import ClassificationService
from serving.services.regression import RegressionService

svc = ClassificationService.create(model="labels:1", name="label-service", max_batch_size=8)
sums = RegressionService.create(model="sums:1", name="sum-service", drain_seconds=4)
effects = CausalService.create(model="sums:1", name="effect-service")
"""
ADMIN = {"x-api-key": "ops"}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("bentoml")
    labels = tiny_artifact(home / "artifacts" / "labels", is_classifier=True)
    store_models(home, labels=labels, sums=tiny_artifact(home / "artifacts" / "sums"))
    return home


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    (folder / "service.py").write_text(SERVICE)
    return folder


@pytest.fixture(scope="module")
def labels(home: Path, folder: Path) -> Iterator[RunningServer]:
    keys = {"TIFFIN_KEYS_FILE": str(keys_file(home, app="predict", ops="predict,admin"))}
    with serving(folder, "service:svc", home, **keys) as server:
        yield server


def ask(server: RunningServer, path: str, body: Any) -> requests.Response:
    return requests.post(f"{server.url}{path}", json=body, headers=ADMIN, timeout=30)


def test_who_only_imports_a_service_loads_nothing_heavy(home: Path, folder: Path) -> None:
    program = (
        "import sys, service; heavy = {'serving.runtime.served_model', 'prometheus_client',"
        " 'onnxruntime', 'sklearn', 'pandas', 'grpclib'}; sys.exit(str(heavy & {*sys.modules}))"
        " if heavy & {*sys.modules} else None"
    )
    subprocess.run(
        [sys.executable, "-c", program],
        env=environment(home),
        cwd=folder,
        check=True,
        timeout=100,
    )


def test_a_template_answers_with_its_model(labels: RunningServer) -> None:
    answer = ask(labels, "/predict", GOOD).json()
    assert set(answer) == {
        *("predictions", "probabilities", "classes", "model_name", "model_version")
    }
    assert (answer["model_name"], answer["model_version"]) == ("labels", "1")
    assert labels.post("/predict", GOOD).status_code == 401


def test_grpc_is_answered_on_the_port_of_bentoml(labels: RunningServer) -> None:
    import tritonclient.grpc as triton

    client = triton.InferenceServerClient(labels.url.removeprefix("http://"))
    columns = []
    for name, value in (("a", 1.0), ("b", 2.0)):
        columns.append(triton.InferInput(name, [1, 1], "FP64"))
        columns[-1].set_data_from_numpy(np.array([[value]]))
    answer = client.infer("labels", columns, headers=ADMIN)
    assert answer.as_numpy("probabilities").shape == (1, 2)
    client.close()


def test_bentomls_own_pages_and_our_metrics_are_there(labels: RunningServer) -> None:
    ask(labels, "/predict", GOOD)
    requests.get(f"{labels.url}/nowhere", timeout=30)
    for path in ("/docs.json", "/schema.json", "/", "/openapi.json"):
        assert requests.get(f"{labels.url}{path}", timeout=30).status_code == 200
    metrics = requests.get(f"{labels.url}/metrics", timeout=30).text
    assert 'model_predictions_total{model_name="labels",model_version="1"}' in metrics
    assert "nowhere" not in metrics
    assert "/predict" not in metrics


def test_a_model_of_the_store_is_loaded_by_its_tag(labels: RunningServer) -> None:
    body = {"name": "sums", "version": "1", "tag": "sums:1", "kind": "regression"}
    assert ask(labels, "/admin/models", body).status_code == 201
    answer = ask(labels, "/v1/models/sums:predict", {"instances": [[1.0, 2.0]]})
    assert answer.json()["predictions"] == pytest.approx([3.0])


def admin_load(server: RunningServer, **body: str) -> requests.Response:
    return requests.post(f"{server.url}/admin/models", json=body, headers=ADMIN, timeout=60)


def loaded(server: RunningServer) -> list[tuple[str, str]]:
    answer = requests.get(f"{server.url}/admin/models", headers=ADMIN, timeout=30)
    return [(model["name"], model["version"]) for model in answer.json()["models"]]


def test_a_killed_server_has_the_loaded_models_again(
    home: Path, folder: Path, tmp_path: Path
) -> None:
    settings = {
        "TIFFIN_KEYS_FILE": str(keys_file(tmp_path, ops="predict,admin")),
        "TIFFIN_MODELS_FOLDER": str(home / "artifacts"),
        "TIFFIN_STATE_FOLDER": str(tmp_path / "state"),
    }
    sums = {"name": "sums", "kind": "regression"}
    with serving(folder, "service:svc", home, **settings) as server:
        assert admin_load(server, **sums, version="1", artifact="sums").status_code == 201
        assert admin_load(server, **sums, version="2", tag="sums:latest").status_code == 201
        one = f"{server.url}/admin/models/sums?version=1"
        assert requests.delete(one, headers=ADMIN, timeout=30).status_code == 204
        with ThreadPoolExecutor(1) as loading:
            lost = loading.submit(admin_load, server, **sums, version="3", artifact="sums")
            kill(server.process)
            was_told = lost.exception() is None
    with serving(folder, "service:svc", home, **settings) as server:
        found = loaded(server)
        assert found[:2] == [("labels", "1"), ("sums", "2")]
        assert found[2:] == [("sums", "3")] or (found[2:] == [] and not was_told)
        answer = ask(server, "/sums/predict", GOOD).json()
        assert answer["predictions"] == pytest.approx([3.0])
        assert ask(server, "/predict", GOOD).json()["model_name"] == "labels"
    kept = json.loads((tmp_path / "state" / "models.json").read_text())
    assert kept[0] == {**sums, "version": "2", "tag": "sums:1"}


def test_a_server_told_to_stop_under_load_loses_no_request(home: Path, folder: Path) -> None:
    request = request_of("/predict", json.dumps(GOOD).encode(), "Content-Type: application/json")
    with serving(folder, "service:sums", home, TIFFIN_WORKERS="2") as server:
        port = int(server.url.rpartition(":")[2])
        callers = ReconnectingCallers(port, request, callers=6)
        callers.start()
        os.killpg(server.process.pid, signal.SIGTERM)
        while (status := ready(server)) == 200:
            pass
        assert status == 503
        assert server.post("/predict", GOOD).status_code == 200
        callers.wait(60)
        server.process.wait(60)
    assert set(callers.statuses) == {200}
    assert callers.outcomes[LOST] == 0
    assert callers.outcomes[REFUSED] == 6


def ready(server: RunningServer) -> int:
    return requests.get(f"{server.url}/readyz", timeout=10).status_code


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"MAX_BATCH_SIZE": "lots"}, "MAX_BATCH_SIZE is 'lots'; set it to"),
        ({"TIFFIN_KEYS_FILE": "/no/such/keys"}, "/no/such/keys can't be read"),
    ],
)
def test_a_bad_setting_ends_the_start_with_one_sentence(
    home: Path, folder: Path, variables: dict[str, str], sentence: str
) -> None:
    done = subprocess.run(
        [BENTOML, "serve", "service:svc"],
        env=environment(home, **variables),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode != 0
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


def test_bentoml_builds_a_template_as_it_is(home: Path, tmp_path: Path) -> None:
    shutil.copytree(PROJECT / "serving", tmp_path / "serving")
    (tmp_path / "service.py").write_text(SERVICE)
    (tmp_path / "bentofile.yaml").write_text(
        "service: service:effects\ninclude: ['**/*.py']\npython: {lock_packages: false}\n"
    )
    command = [BENTOML, "build", "--output", "tag"]
    built = subprocess.run(
        command,
        env=environment(home, PYTHONPATH=""),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    assert "effect-service" in built.stdout
    bento = next((home / "bentos" / "effect-service").glob("*/bento.yaml")).read_text()
    assert "sums:1" in bento
