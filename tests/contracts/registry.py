"""What every registry does; a new implementation's test says how to publish a version."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pytest

from tiffin.errors import RefusedError
from tiffin.registry.digest import tree_digest
from tiffin.registry.model_version import ModelVersion, RunRecord
from tiffin.registry.registry import Registry


class Publish(Protocol):
    def __call__(
        self,
        model: str,
        artifact: Path,
        *,
        metrics: Mapping[str, float],
        evaluation_data: Path | None = None,
    ) -> ModelVersion: ...


@dataclass(frozen=True)
class RegistryUnderTest:
    """A registry, how to get a version into it, and how to look at a run from outside.

    `look(run_id)` returns status, tags and every (key, value, milliseconds, step) of the run.
    """

    registry: Registry
    publish: Publish
    look: LookAtRun


class LookAtRun(Protocol):
    def __call__(self, run_id: str) -> tuple[str, Mapping[str, str], set[tuple[object, ...]]]: ...


def make_artifact(folder: Path) -> Path:
    (folder / "sub folder").mkdir(parents=True)
    (folder / "MLmodel").write_text("flavors: {}\n")
    (folder / "sub folder" / "100% real.bin").write_bytes(bytes(range(256)) * 5000)
    (folder / "empty.txt").touch()
    return folder


def make_evaluation_data(folder: Path) -> Path:
    file = folder / "data.csv"
    file.write_text("a,target\n1,0\n2,1\n")
    return file


class RegistryContract:
    """Inherit, and give the fixture `under_test`."""

    @pytest.fixture
    def artifact(self, tmp_path: Path) -> Path:
        return make_artifact(tmp_path / "artifact")

    @pytest.fixture
    def data(self, tmp_path: Path) -> Path:
        return make_evaluation_data(tmp_path)

    @pytest.fixture
    def version(
        self, under_test: RegistryUnderTest, artifact: Path, data: Path, model: str
    ) -> ModelVersion:
        return under_test.publish(model, artifact, metrics={"auc": 0.8}, evaluation_data=data)

    @pytest.fixture
    def model(self, tmp_path: Path) -> str:
        return f"model of {tmp_path.name}"

    def test_finds_a_published_version(self, under_test, version):
        found = under_test.registry.version(version.name, version.version)
        assert found == version
        assert (found.digest, found.aliases, found.bad_reason) == ("", (), None)

    @pytest.mark.parametrize("number", ["99", "latest", "", "1/../2"])
    def test_refuses_a_version_that_does_not_exist(self, under_test, version, number):
        with pytest.raises(RefusedError) as refusal:
            under_test.registry.version(version.name, number)
        assert refusal.value.code == "unknown-version"
        assert f"there are {version.version}" in refusal.value.message

    def test_lists_the_versions_newest_first(self, under_test, version, artifact):
        second = under_test.publish(version.name, artifact, metrics={})
        listed = under_test.registry.versions(version.name)
        assert listed == (second.version, version.version)
        assert under_test.registry.versions("unheard-of") == ()

    def test_refuses_a_model_that_does_not_exist(self, under_test):
        with pytest.raises(RefusedError) as refusal:
            under_test.registry.version_by_alias("nobody's model", "champion")
        assert refusal.value.code == "unknown-model"

    def test_an_alias_moves_from_version_to_version(self, under_test, artifact, version):
        registry, name = under_test.registry, version.name
        second = under_test.publish(name, artifact, metrics={})
        assert registry.version_by_alias(name, "champion") is None
        for number in (version.version, second.version, second.version):
            registry.set_alias(name, "champion", number)
        assert registry.version_by_alias(name, "champion").version == second.version
        assert registry.version(name, second.version).aliases == ("champion",)
        assert registry.version(name, version.version).aliases == ()

    def test_refuses_an_alias_for_a_version_that_does_not_exist(self, under_test, version):
        with pytest.raises(RefusedError):
            under_test.registry.set_alias(version.name, "champion", "99")

    def test_deletes_an_alias_only_where_it_was_seen(self, under_test, version):
        registry, name = under_test.registry, version.name
        registry.set_alias(name, "challenger", version.version)
        registry.delete_alias(name, "challenger", only_if="99")
        assert registry.version_by_alias(name, "challenger") is not None
        for _ in range(2):
            registry.delete_alias(name, "challenger", only_if=version.version)
        assert registry.version_by_alias(name, "challenger") is None

    def test_a_tag_marks_a_version_as_bad_until_it_is_lifted(self, under_test, version):
        registry, name, number = under_test.registry, version.name, version.version
        for _ in range(2):
            registry.set_tag(name, number, "tiffin.bad", "it erred")
        assert registry.version(name, number).bad_reason == "it erred"
        for _ in range(2):
            registry.delete_tag(name, number, "tiffin.bad")
        assert registry.version(name, number).bad_reason is None

    def test_fetches_the_artifact_whole(self, under_test, artifact, version, tmp_path):
        fetched = under_test.registry.fetch_artifact(version, tmp_path / "into")
        assert tree_digest(fetched) == tree_digest(artifact)
        assert under_test.registry.fetch_artifact(version, tmp_path / "into") == fetched
        assert [path.name for path in (tmp_path / "into").iterdir()] == [fetched.name]

    def test_refuses_an_artifact_without_a_model(self, under_test, artifact, model, tmp_path):
        (artifact / "MLmodel").unlink()
        version = under_test.publish(model, artifact, metrics={})
        with pytest.raises(RefusedError) as refusal:
            under_test.registry.fetch_artifact(version, tmp_path / "into")
        assert refusal.value.code == "artifact-missing"

    def test_fetches_the_evaluation_data(self, under_test, data, version, tmp_path):
        for _ in range(2):
            file = under_test.registry.fetch_evaluation_data(version, tmp_path / "into")
            assert file.read_bytes() == data.read_bytes()

    def test_refuses_a_version_without_evaluation_data(self, under_test, artifact, model, tmp_path):
        version = under_test.publish(model, artifact, metrics={})
        with pytest.raises(RefusedError) as refusal:
            under_test.registry.fetch_evaluation_data(version, tmp_path / "into")
        assert refusal.value.code == "no-evaluation-data"

    def test_reads_the_metrics_of_the_training(self, under_test, version):
        assert under_test.registry.metrics(version) == {"auc": 0.8}

    def test_records_a_release_as_one_run_however_often_it_is_asked(self, under_test, tmp_path):
        registry = under_test.registry
        record = RunRecord("releases", f"r-{tmp_path.name}", {"service": "s"}, {"weights": [1, 2]})
        run_id = registry.ensure_run(record)
        assert registry.ensure_run(record) == run_id
        report = tmp_path / "report.html"
        report.write_text("<p>fine</p>")
        points = [("share", 0.1, 1000, 0), ("share", 0.5, 2000, 1)]
        for _ in range(2):
            registry.log_metrics(run_id, points)
            assert registry.log_file(run_id, report, "validation").endswith("report.html")
            registry.end_run(run_id, succeeded=True, tags={"phase": "Successful"})
        status, tags, seen = under_test.look(run_id)
        assert (status, tags["phase"], tags["service"]) == ("FINISHED", "Successful", "s")
        assert seen == set(points)

    def test_refuses_to_write_to_a_run_that_does_not_exist(self, under_test):
        with pytest.raises(RefusedError) as refusal:
            under_test.registry.log_metrics("0" * 32, [("share", math.pi, 1, 0)])
        assert refusal.value.code == "unknown-run"
