from __future__ import annotations

import os
import pickle
from pathlib import Path

import pytest

from tiffin.errors import RefusedError
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
