from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.packaging.own_bento import own_bento
from tests.serving.served_models import ServedModels, example_service
from tiffin.errors import RefusedError, UnavailableError
from tiffin.home import PROJECT
from tiffin.packaging.bento import BentoReference, LoggedModel, ensure_bento
from tiffin.packaging.content import tree_digest
from tiffin.services.spec import Kind

pytestmark = pytest.mark.timeout(400)

SERVICE = example_service("credit-risk", Kind.CLASSIFICATION)
PROGRAM = """
import sys
from pathlib import Path
from tests.packaging.test_bento import build
build(Path(sys.argv[1]), Path(sys.argv[2]))
"""


def build(home: Path, artifact: Path) -> BentoReference:
    return ensure_bento(home, SERVICE, LoggedModel(artifact, tree_digest(artifact)), PROJECT)


def files_of(home: Path) -> dict[str, bytes]:
    stores = [home / "bentos", home / "models"]
    files = (file for store in stores for file in store.rglob("*") if file.is_file())
    return {file.relative_to(home).as_posix(): file.read_bytes() for file in files}


@pytest.fixture(scope="module")
def artifact(served: ServedModels) -> Path:
    return served.artifact("credit-risk:v1")


@pytest.fixture(scope="module")
def whole(artifact: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the finished bento, to compare with."""
    home = tmp_path_factory.mktemp("whole")
    build(home, artifact)
    return home


def test_two_homes_get_one_tag_and_the_same_bytes(
    whole: Path, artifact: Path, tmp_path: Path
) -> None:
    reference = build(tmp_path, artifact)
    assert reference == build(whole, artifact)
    assert reference.image == f"{reference.tag}@{reference.digest}"
    assert files_of(tmp_path) == files_of(whole)


def test_a_hidden_home_as_the_default_one_is_no_obstacle(
    whole: Path, artifact: Path, tmp_path: Path
) -> None:
    assert build(tmp_path / ".tiffin" / "bentoml", artifact) == build(whole, artifact)


def test_building_again_touches_nothing(whole: Path, artifact: Path) -> None:
    before = {name: (whole / name).stat().st_mtime_ns for name in files_of(whole)}
    began = time.monotonic()
    build(whole, artifact)
    assert time.monotonic() - began < 0.5
    assert {name: (whole / name).stat().st_mtime_ns for name in files_of(whole)} == before


def test_bentoml_finds_it_and_runs_the_code_in_it(whole: Path, artifact: Path) -> None:
    tag = build(whole, artifact).tag
    program = (
        f"import bentoml; bentoml.load({tag!r}); import serving.runtime.rows as rows;"
        "print(rows.__file__)"
    )
    environment = {**os.environ, "BENTOML_HOME": str(whole), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert Path(done.stdout.strip()).is_relative_to(whole / "bentos")


@pytest.mark.parametrize("store", ["bentos", "models"])
def test_mends_a_bento_that_lost_a_file(artifact: Path, tmp_path: Path, store: str) -> None:
    reference = build(tmp_path, artifact)
    before = files_of(tmp_path)
    lost = next(name for name in before if name.startswith(store) and name.endswith(".yaml"))
    (tmp_path / lost).unlink()
    assert build(tmp_path, artifact) == reference
    assert files_of(tmp_path) == before


def test_killed_at_any_instant_the_next_build_ends_whole(
    whole: Path, artifact: Path, tmp_path: Path
) -> None:
    random.seed(11)
    kills = 0
    for _ in range(8):
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(tmp_path), str(artifact)],
            cwd=PROJECT,
            start_new_session=True,
        )
        time.sleep(random.uniform(0.2, 2.5))
        if process.poll() is None:
            kills += 1
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert half_written(tmp_path) == []
    assert kills > 0
    assert build(tmp_path, artifact) == build(whole, artifact)
    assert files_of(tmp_path) == files_of(whole)
    left = [path.name for path in (tmp_path / "packaging").iterdir() if path.is_dir()]
    assert left == []


def half_written(home: Path) -> list[Path]:
    bentos = [path for path in home.glob("bentos/*/*") if not (path / "bento.yaml").is_file()]
    models = [path for path in home.glob("models/*/*") if not (path / "model.yaml").is_file()]
    return bentos + models


def test_two_builds_at_once_end_in_one_bento(whole: Path, artifact: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", PROGRAM, str(tmp_path), str(artifact)]
    both = [subprocess.Popen(command, cwd=PROJECT) for _ in range(2)]
    assert [process.wait(timeout=120) for process in both] == [0, 0]
    assert files_of(tmp_path) == files_of(whole)


OWN_SERVICE = """
import bentoml

@bentoml.service(name="greeter")
class Greeter:
    @bentoml.api
    def greet(self, name: str) -> str:
        return f"hello {name}"
"""


def test_builds_a_bento_of_ones_own(artifact: Path, tmp_path: Path) -> None:
    service = own_bento(tmp_path / "project", OWN_SERVICE)
    model = LoggedModel(artifact, "ab" * 32)
    reference = ensure_bento(tmp_path, service, model, tmp_path / "project")
    assert reference.inference is None
    source = tmp_path / "bentos" / "greeter" / reference.version / "src"
    assert (source / "service.py").read_text() == OWN_SERVICE
    assert json.loads((source / "recipe.json").read_text())["model_tag"] == "greeter:" + "ab" * 8


def test_says_why_code_can_not_be_built(artifact: Path, tmp_path: Path) -> None:
    service = own_bento(tmp_path / "project", "import no_such_package_at_all\n")
    with pytest.raises(RefusedError, match="no_such_package_at_all") as refused:
        ensure_bento(tmp_path, service, LoggedModel(artifact, "ab" * 32), tmp_path / "project")
    assert refused.value.code == "bento-build-failed"
    assert not list(tmp_path.glob("bentos/*/*"))


def test_a_home_that_can_not_be_written_is_unavailable(artifact: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UnavailableError) as unavailable:
        build(tmp_path / "file", artifact)
    assert unavailable.value.code == "packaging-unavailable"
