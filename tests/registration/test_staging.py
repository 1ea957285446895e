from __future__ import annotations

import os
import pickle
import re
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tiffin.errors import RefusedError
from tiffin.registration.loading import load
from tiffin.registration.recognition import Form
from tiffin.registration.staging import digest_of, stage


class Hostile:
    """Creates `canary` when it is unpickled."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self):
        return os.system, (f"touch {self.canary}",)


def test_a_hostile_pickle_is_refused_and_never_runs(tmp_path: Path) -> None:
    canary, file = tmp_path / "canary", tmp_path / "churn.pkl"
    file.write_bytes(pickle.dumps(Hostile(canary)))
    with pytest.raises(RefusedError, match=r"churn\.pkl would call posix\.system") as refused:
        stage(file, Form.PICKLE, tmp_path / "scratch")
    assert refused.value.code == "unsafe-model-file"
    assert not canary.exists()


@pytest.mark.parametrize("name", ["churn.pkl", "churn.skops", "churn.joblib"])
def test_a_file_that_is_cut_off_is_refused(files: Path, tmp_path: Path, name: str) -> None:
    cut, form = tmp_path / name, Form.SKOPS if name.endswith("skops") else Form.PICKLE
    content = (files / name).read_bytes()
    cut.write_bytes(content[: len(content) // 2])
    with pytest.raises(
        RefusedError, match=r"no complete pickle|can't be unpacked|no readable skops"
    ):
        stage(cut, form, tmp_path / "scratch")


def test_a_file_of_an_unknown_name_is_staged_under_one_that_tells(
    files: Path, tmp_path: Path
) -> None:
    staged = stage(files / "graph.model", Form.ONNX, tmp_path)
    assert (staged.name, staged.file.name) == ("graph.model", "graph.onnx")
    assert digest_of(staged.file) == digest_of(files / "graph.model")


def test_what_is_loaded_is_the_copy_that_was_looked_into(files: Path, tmp_path: Path) -> None:
    original = tmp_path / "churn.pkl"
    original.write_bytes((files / "churn.pkl").read_bytes())
    staged = stage(original, Form.PICKLE, tmp_path / "scratch")
    original.write_bytes(pickle.dumps(Hostile(tmp_path / "canary")))
    assert digest_of(staged.file) == digest_of(files / "churn.pkl")


def test_a_folder_of_mlflow_that_brings_code_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "MLmodel").write_text("flavors: {python_function: {loader_module: my.own}}\n")
    with pytest.raises(RefusedError, match=r"loaded by my\.own, which runs code of its own"):
        stage(folder, Form.MLFLOW, tmp_path / "scratch")


COMPRESSED = pytest.mark.parametrize("compress", [0, 3, ("bz2", 3), ("xz", 3)])


def parts() -> dict[str, object]:
    """What people keep beside a model that was fitted on named columns."""
    table = pd.DataFrame(np.random.default_rng(0).normal(size=(40, 2)), columns=["a", "b"])
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(table, table.a > 0)
    labels = np.array(["no", "yes"], dtype=object)
    return {"m": model, "labels": labels, "weights": np.arange(3.0)}


@COMPRESSED
@pytest.mark.parametrize("wrapped", [lambda: parts(), lambda: [parts()], lambda: (1, parts())])
def test_a_container_around_a_model_is_told_that_it_is_no_model(wrapped, tmp_path, compress):
    file = tmp_path / "dict.joblib"
    joblib.dump(wrapped(), file, compress=compress)
    staged = stage(file, Form.PICKLE, tmp_path / "scratch")
    sentence = r"dict\.joblib holds a (dict|list|tuple), which has no `predict`; save the model"
    with pytest.raises(RefusedError, match=sentence) as refused:
        load(staged.name, staged.file, staged.form)
    assert refused.value.code == "bad-model-file"


@COMPRESSED
def test_the_call_of_a_hostile_container_is_named_first(tmp_path, compress) -> None:
    canary, file = tmp_path / "canary", tmp_path / "dict.joblib"
    joblib.dump({**parts(), "unknown": pd.isna, "more": Hostile(canary)}, file, compress=compress)
    with pytest.raises(RefusedError, match=r"^dict\.joblib would call posix\.system,") as refused:
        stage(file, Form.PICKLE, tmp_path / "scratch")
    assert re.search(r"\(and \d more\)$", refused.value.message), refused.value.message
    assert not canary.exists()


@pytest.mark.parametrize("name", ["trunc.joblib", "trunc.sav", "trunc"])
def test_a_file_that_is_cut_off_is_called_by_its_own_name(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    joblib.dump(parts(), file)
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(RefusedError) as refused:
        stage(file, Form.PICKLE, tmp_path / "scratch")
    said = refused.value.message
    assert said.startswith(f"{name} is no complete pickle (")
    assert said.endswith("); save the model again")
    assert ": )" not in said


def test_a_skops_file_may_have_the_name_of_a_pickle(files: Path, tmp_path: Path) -> None:
    file = tmp_path / "churn.pkl"
    file.write_bytes((files / "churn.skops").read_bytes())
    assert stage(file, Form.SKOPS, tmp_path / "scratch").name == "churn.pkl"
