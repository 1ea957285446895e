from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.serving.served_models import example_service
from tiffin.errors import RefusedError
from tiffin.home import PROJECT
from tiffin.packaging.recipe import BentoRecipe, recipe_for
from tiffin.services.spec import Kind, Service


@pytest.fixture
def recipe() -> BentoRecipe:
    service = example_service("credit-risk", Kind.CLASSIFICATION)
    return recipe_for(service, "ab" * 32, PROJECT, python="3.11")


@pytest.mark.parametrize(
    "change",
    [
        {"service": "other"},
        {"model": "other"},
        {"kind": Kind.REGRESSION},
        {"model_digest": "cd" * 32},
        {"source_digest": "other"},
        {"lock_digest": "other"},
        {"python": "3.12"},
    ],
)
def test_each_input_changes_the_version(recipe: BentoRecipe, change: dict[str, Any]) -> None:
    assert replace(recipe, **change).version != recipe.version


def test_the_checkouts_place_does_not_change_the_version(
    recipe: BentoRecipe, tmp_path: Path
) -> None:
    shutil.copytree(PROJECT / "serving", tmp_path / "serving")
    shutil.copy(PROJECT / "requirements.txt", tmp_path)
    service = example_service("credit-risk", Kind.CLASSIFICATION)
    assert recipe_for(service, "ab" * 32, tmp_path, python="3.11").tag == recipe.tag


def test_pins_what_a_server_needs_with_its_markers(recipe: BentoRecipe) -> None:
    pins = recipe.requirements.splitlines()
    assert any(pin.startswith("bentoml==") for pin in pins)
    assert any(pin.startswith("scikit-learn==") for pin in pins)
    assert not any("airflow" in pin or "--hash" in pin or pin.endswith("\\") for pin in pins)
    numpy = [pin for pin in pins if pin.startswith("numpy==")]
    assert len(numpy) == 1 or all(";" in pin for pin in numpy)


def own_bento(folder: str) -> Service:
    tabular = example_service("mine", Kind.CLASSIFICATION).model_dump()
    return Service.model_validate(tabular | {"kind": Kind.BENTO, "bento": folder})


@pytest.mark.parametrize(
    ("folder", "sentence"),
    [("../elsewhere", "outside the project"), ("examples/data", "no service.py")],
)
def test_refuses_a_folder_that_is_no_bento(folder: str, sentence: str) -> None:
    with pytest.raises(RefusedError, match=sentence) as refused:
        recipe_for(own_bento(folder), "ab" * 32, PROJECT, python="3.11")
    assert refused.value.code == "bad-bento-folder"
