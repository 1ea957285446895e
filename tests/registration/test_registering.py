"""From files to versions in a real MLflow, the models in confined processes as ever."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.registration.model_files import TABLE, churn_model
from tiffin.errors import RefusedError
from tiffin.home import TiffinHome
from tiffin.registration.examining import Wish, examine
from tiffin.registration.registering import Registered, register
from tiffin.registry.mlflow_publishing import MlflowPublisher
from tiffin.services.spec import Kind

pytestmark = pytest.mark.timeout(300)


def registered(wish: Wish, home: Path, url: str) -> Registered:
    return register(wish, TiffinHome(home), MlflowPublisher(url), lambda _: None)


def test_a_graph_is_one_version_with_all_that_a_release_asks_for(
    files: Path, tmp_path: Path, mlflow_url: str
) -> None:
    wish = Wish(files / "graph.model", "graph-1", files / "numbers.csv", target="left")
    first, again = (registered(wish, tmp_path, mlflow_url) for _ in range(2))
    assert (first.is_new, again.is_new) == (True, False)
    assert (again.version, again.findings) == (first.version, first.findings)
    registry = MlflowPublisher(mlflow_url).registry
    assert registry.metrics(first.version) == first.findings.metrics
    artifact = registry.fetch_artifact(first.version, tmp_path)
    assert "onnx" in YAML(typ="safe").load(artifact / "MLmodel")["flavors"]
    rows = registry.fetch_evaluation_data(first.version, tmp_path).read_text().splitlines()
    assert rows[0] == "tenure,monthly,left"
    other = replace(wish, kind=Kind.CLASSIFICATION)
    assert registered(other, tmp_path, mlflow_url).version.version == "2"


def test_a_folder_of_mlflow_gets_the_signature_and_the_example_that_it_lacked(
    files: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "model.pkl").write_bytes(pickle.dumps(churn_model()))
    sklearn = {"pickled_model": "model.pkl", "serialization_format": "cloudpickle"}
    YAML().dump({"flavors": {"sklearn": sklearn}}, folder / "MLmodel")
    (tmp_path / "scratch").mkdir()
    wish = Wish(folder, "churn", files / "sample.csv")
    examined = examine(wish, tmp_path / "scratch", lambda _: None)
    assert (examined.findings.kind, examined.findings.truth) == (Kind.CLASSIFICATION, "churned")
    said = YAML(typ="safe").load(examined.artifact / "MLmodel")
    columns = [(spec["name"], spec["type"]) for spec in json.loads(said["signature"]["inputs"])]
    assert columns == [("tenure", "long"), ("plan", "string"), ("monthly", "double")]
    example = json.loads((examined.artifact / "input_example.json").read_text())
    assert example["columns"] == list(TABLE.columns)


@pytest.mark.parametrize(("file", "data", "sentence"), [
    ("churn.pkl", "tenure,monthly,churned\n1,2,no\n", "the sample lacks plan"),
    ("churn.pkl", "tenure,plan,monthly,churned\n1,gold,2,no\n", "can't answer the sample: .*gold"),
    ("churn.pkl", None, "can't answer a row of zeros; give it real ones with --data"),
])  # fmt: skip
def test_a_model_and_a_sample_that_do_not_go_together_are_refused(
    files: Path, tmp_path: Path, file: str, data: str | None, sentence: str
) -> None:
    sample = None
    if data is not None:
        sample = tmp_path / "sample.csv"
        sample.write_text(data)
    (tmp_path / "scratch").mkdir()
    with pytest.raises(RefusedError, match=sentence):
        examine(Wish(files / file, "churn", sample), tmp_path / "scratch", lambda _: None)


@pytest.mark.parametrize(("changes", "sentence"), [
    ({"name": "Churn!"}, "'Churn!' is no name for a service"),
    ({"data": Path("nowhere.csv")}, "there is no file nowhere.csv"),
    ({"target": "left"}, "--target left is a column of --data; give both"),
    ({"file": Path("nowhere.pkl")}, "nowhere.pkl can't be read"),
])  # fmt: skip
def test_a_mistyped_command_is_refused_before_anything_is_asked(
    files: Path, tmp_path: Path, changes: dict[str, object], sentence: str
) -> None:
    wish = replace(Wish(files / "ridge.pkl", "ridge"), **changes)
    with pytest.raises(RefusedError, match=sentence):
        registered(wish, tmp_path, "http://127.0.0.1:9")
