from __future__ import annotations

import pickle
import zipfile
from pathlib import Path

import pytest

from tiffin.errors import RefusedError
from tiffin.registration.recognition import Form, recognise


@pytest.mark.parametrize(("name", "form"), [
    ("churn.pkl", Form.PICKLE),
    ("churn.joblib", Form.PICKLE),
    ("forest.bin", Form.PICKLE),
    ("churn.skops", Form.SKOPS),
    ("trees.json", Form.XGBOOST_JSON),
    ("trees.ubj", Form.XGBOOST_UBJ),
    ("light.txt", Form.LIGHTGBM),
    ("graph.model", Form.ONNX),
])  # fmt: skip
def test_a_model_is_known_by_its_content_under_any_name(
    files: Path, tmp_path: Path, name: str, form: Form
) -> None:
    renamed = tmp_path / "model.dat"
    renamed.write_bytes((files / name).read_bytes())
    assert recognise(renamed) is form


def archive(file: Path, *names: str) -> Path:
    with zipfile.ZipFile(file, "w") as made:
        for name in names:
            made.writestr(name, b"\x80\x02N.")
    return file


def test_a_scripted_and_an_exported_network_are_known(tmp_path: Path) -> None:
    scripted = ("net/data.pkl", "net/code/__torch__.py", "net/constants.pkl")
    assert recognise(archive(tmp_path / "a", *scripted)) is Form.TORCHSCRIPT
    exported = ("net/models/model.json", "net/archive_format")
    assert recognise(archive(tmp_path / "b", *exported)) is Form.TORCH_EXPORT
    assert recognise(archive(tmp_path / "c", "serialized_exported_program.json")).is_torch


def test_an_exported_network_with_machine_code_is_refused(tmp_path: Path) -> None:
    names = ("net/archive_format", "net/data/aotinductor/model/wrapper.so")
    with pytest.raises(RefusedError, match="holds compiled code"):
        recognise(archive(tmp_path / "net.pt2", *names))


def test_an_mlflow_folder_is_known_by_its_description(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="has no MLmodel file"):
        recognise(tmp_path)
    (tmp_path / "MLmodel").touch()
    assert recognise(tmp_path) is Form.MLFLOW


@pytest.mark.parametrize(("content", "sentence"), [
    (b"\x08", "no model that is known here"),
    (b"", "is empty; save the model again"),
    (b"PK\x03\x04 and then nothing", "cut off or damaged"),
    (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
    (b"\x89HDF\r\n\x1a\n", "export it to ONNX with tf2onnx"),
    (b"binf\x00\x00", "old binary format"),
    (b"age,debt\n1,2\n", "no model that is known here: a pickle"),
    (pickle.dumps(0x1950A86A20F9469CFC6C, 2), "weights without their network"),
])  # fmt: skip
def test_what_is_no_model_is_refused_with_what_to_do(
    tmp_path: Path, content: bytes, sentence: str
) -> None:
    (tmp_path / "model.pt").write_bytes(content)
    with pytest.raises(RefusedError, match=sentence) as refused:
        recognise(tmp_path / "model.pt")
    assert refused.value.code == "bad-model-file"


def test_weights_without_their_network_are_refused(tmp_path: Path) -> None:
    file = archive(tmp_path / "weights.pt", "weights/data.pkl", "weights/data/0")
    with pytest.raises(RefusedError, match=r"state_dict.*torch\.jit\.script\(network\)\.save"):
        recognise(file)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="can't be read: no such file"):
        recognise(tmp_path / "churn.pkl")
