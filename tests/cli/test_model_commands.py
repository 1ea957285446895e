"""`tiffin register` and `build` as people type them, on a real MLflow server."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.registration.model_files import write_models, write_samples
from tests.registration.test_staging import Hostile
from tests.serving.served_models import free_port
from tiffin.home import DEFAULT_PORTS
from tiffin.services.catalog import load_service

pytestmark = pytest.mark.timeout(400)

Tiffin = Callable[..., subprocess.CompletedProcess[str]]


def tiffin_at(folder: Path, mlflow_port: int) -> Tiffin:
    """Return the `tiffin` command of a stack of which only MLflow runs."""
    home = folder / "home"
    home.mkdir(exist_ok=True)
    ports = {**DEFAULT_PORTS, "mlflow": mlflow_port, "offset": 0}
    (home / "settings.json").write_text(json.dumps(ports))

    def tiffin(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(Path(sys.executable).parent / "tiffin"), *words],
            env={**os.environ, "TIFFIN_HOME": str(home)},
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    return tiffin


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a data scientist keeps a model and a sample."""
    folder = tmp_path_factory.mktemp("desk")
    write_samples(folder)
    write_models(folder)
    return folder


@pytest.fixture(scope="module")
def tiffin(desk: Path, mlflow_url: str) -> Tiffin:
    return tiffin_at(desk, int(mlflow_url.rpartition(":")[2]))


REGISTER = ("register", "churn.joblib", "--name", "churn", "--data", "sample.csv")
INTO = ("--service-file", "churn.yaml")


@pytest.fixture(scope="module")
def registered(tiffin: Tiffin) -> dict[str, object]:
    done = tiffin(*REGISTER, *INTO, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_everything_is_found_out_and_a_service_file_is_written(
    registered: dict[str, object], desk: Path, tiffin: Tiffin
) -> None:
    known = {key: registered[key] for key in ("model", "version", "created", "kind", "truth")}
    assert known == {
        "model": "churn",
        "version": "1",
        "created": True,
        "kind": "classification",
        "truth": "churned",
    }
    assert registered["features"] == {"tenure": "long", "plan": "string", "monthly": "double"}
    assert registered["metrics"]["roc_auc"] > 0.7
    assert registered["next"].endswith("tiffin build churn.yaml:1")
    assert load_service(desk / "churn.yaml").validation.target == "churned"
    assert tiffin("validate", "churn.yaml").returncode == 0


def test_the_same_again_is_the_same_version_and_leaves_the_service_file(
    registered: dict[str, object], desk: Path, tiffin: Tiffin
) -> None:
    file = desk / "churn.yaml"
    file.write_text(file.read_text() + "watch: 10s\n")
    again = tiffin(*REGISTER, *INTO)
    assert again.returncode == 0, again.stderr
    assert "version  churn 1, as it was already" in again.stdout
    assert "churn.yaml (was there; left as it is)" in again.stdout
    assert "plan (text), monthly (number)" in again.stdout
    assert file.read_text().endswith("watch: 10s\n")


def test_its_bento_is_built_and_says_which_engine_answers(
    registered: dict[str, object], tiffin: Tiffin
) -> None:
    done = tiffin("build", "churn.yaml", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["version"], told["engine"]) == ("1", "onnxruntime")
    assert told["microseconds_of_one_row"]["onnxruntime"] > 0
    assert (Path(told["path"]) / "bento.yaml").is_file()


def test_a_version_that_there_is_not_is_refused(
    registered: dict[str, object], tiffin: Tiffin
) -> None:
    done = tiffin("build", "churn.yaml:9")
    assert (done.returncode, done.stdout) == (1, "")
    assert "model 'churn' has no version '9'" in done.stderr


def test_a_hostile_file_is_one_sentence_and_never_runs(desk: Path, tiffin: Tiffin) -> None:
    canary = desk / "canary"
    (desk / "hostile.pkl").write_bytes(pickle.dumps(Hostile(canary)))
    done = tiffin("register", "hostile.pkl", "--name", "churn")
    assert done.returncode == 1
    assert done.stderr.startswith("tiffin: hostile.pkl would call posix.system")
    assert done.stderr.endswith("[unsafe-model-file]\n")
    assert not canary.exists()


def test_an_option_that_lacks_points_to_the_commands_own_help(tiffin: Tiffin) -> None:
    done = tiffin("register", "churn.pkl")
    assert done.returncode == 1
    assert "see `tiffin register --help`" in done.stderr


def test_without_a_stack_a_person_is_told_to_start_it(tmp_path: Path, desk: Path) -> None:
    (tmp_path / "churn.pkl").write_bytes((desk / "churn.pkl").read_bytes())
    done = tiffin_at(tmp_path, free_port())("register", "churn.pkl", "--name", "churn")
    assert done.returncode == 3
    assert "start the stack with `tiffin up`" in done.stderr


def test_a_network_of_torch_is_exported_and_needs_none_to_be_served(
    desk: Path, tiffin: Tiffin, torch_python: Path
) -> None:
    program = (
        "import torch; torch.manual_seed(0); network = torch.nn.Linear(2, 2);"
        "torch.jit.script(network).save('net.pt'); torch.save(network.state_dict(), 'weights.pt')"
    )
    command = [str(torch_python), "-W", "ignore", "-c", program]
    subprocess.run(command, check=True, cwd=desk, timeout=200)
    sample = ("--data", "numbers.csv", "--target", "left", "--python", str(torch_python))
    done = tiffin(
        "register", "net.pt", "--name", "net", *sample, "--service-file", "net.yaml", "--json"
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["kind"], told["framework"].split()[0]) == ("classification", "onnxruntime")
    assert "answers 120 rows as torch does" in told["notes"][0]
    assert "a softmax was put behind it" in told["notes"][1]
    refused = tiffin("register", "weights.pt", "--name", "net", *sample)
    assert "weights without the network that they belong to" in refused.stderr
