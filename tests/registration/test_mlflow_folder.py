"""Whole folders are completed in test_registering."""

from __future__ import annotations

from pathlib import Path

import pytest

from tiffin.registration.mlflow_folder import network_in

NETWORK = "flavors: {pytorch: {model_data: data}}\n"


def folder_of(place: Path, description: str, name: str = "data/model.pt2") -> Path:
    folder = place / "model"
    (folder / name).parent.mkdir(parents=True)
    (folder / name).touch()
    (folder / "MLmodel").write_text(description)
    return folder


@pytest.mark.parametrize("name", ["data/model.pt2", "data/model.pth"])
def test_a_network_is_found_in_its_folder(tmp_path: Path, name: str) -> None:
    folder = folder_of(tmp_path, NETWORK, name)
    assert network_in(folder) == folder / name


@pytest.mark.parametrize("description", [
    "flavors: {sklearn: {pickled_model: model.pkl}}\n",
    "flavors: {pytorch: {model_data: elsewhere}}\n",
    "flavors: {pytorch: {model_data: ../model/../outside}}\n",
    "flavors: none\n",
])  # fmt: skip
def test_any_other_folder_has_none(tmp_path: Path, description: str) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "model.pt2").touch()
    assert network_in(folder_of(tmp_path, description)) is None


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    assert network_in(tmp_path / "net.pt") is None
