from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.packaging.own_bento import own_bento
from tests.serving.served_models import example_service
from tiffin.errors import RefusedError
from tiffin.home import PROJECT
from tiffin.packaging.recipe import BentoRecipe, recipe_for
from tiffin.services.spec import Kind, Service


@pytest.fixture
def recipe() -> BentoRecipe:
    service = example_service("credit-risk", Kind.CLASSIFICATION)
    return recipe_for(service, "ab" * 32, None, PROJECT, python="3.11")


@pytest.mark.parametrize(
    "change",
    [
        {"service": "other"},
        {"model": "other"},
        {"kind": Kind.REGRESSION},
        {"model_digest": "cd" * 32},
        {"inference": "native 1e-05"},
        {"features": "other"},
        {"evaluation_digest": "other"},
        {"source_digest": "other"},
        {"compiler_digest": "other"},
        {"lock_digest": "other"},
        {"python": "3.12"},
    ],
)
def test_each_input_changes_the_version(recipe: BentoRecipe, change: dict[str, Any]) -> None:
    assert replace(recipe, **change).version != recipe.version


@pytest.mark.parametrize(
    ("change", "is_another"),
    [
        ({"model_digest": "cd" * 32}, True),
        ({"inference": "native 1e-05"}, True),
        ({"evaluation_digest": "other"}, True),
        ({"compiler_digest": "other"}, True),
        ({"lock_digest": "other"}, True),
        ({"source_digest": "other"}, False),
        ({"features": "other"}, False),
    ],
)
def test_a_compiled_model_is_another_one_when_what_it_follows_from_changes(
    recipe: BentoRecipe, change: dict[str, Any], *, is_another: bool
) -> None:
    assert (replace(recipe, **change).model_tag != recipe.model_tag) is is_another


def test_the_engine_the_evaluation_data_and_the_room_are_inputs(tmp_path: Path) -> None:
    service = example_service("credit-risk", Kind.CLASSIFICATION)
    inference = {"engine": "auto", "tolerance": 0.001}
    other = Service.model_validate(service.model_dump() | {"inference": inference})
    roomy = Service.model_validate(service.model_dump() | {"resources": {"memory": "64Gi"}})
    data = tmp_path / "data.csv"
    data.write_text("a\n1\n")
    recipes = [
        recipe_for(service, "ab" * 32, None, PROJECT, python="3.11"),
        recipe_for(other, "ab" * 32, None, PROJECT, python="3.11"),
        recipe_for(service, "ab" * 32, data, PROJECT, python="3.11"),
        recipe_for(roomy, "ab" * 32, None, PROJECT, python="3.11"),  # compiled in more memory
    ]
    assert len({made.tag for made in recipes}) == 4


def test_the_checkouts_place_does_not_change_the_version(
    recipe: BentoRecipe, tmp_path: Path
) -> None:
    shutil.copytree(PROJECT / "serving", tmp_path / "serving")
    shutil.copy(PROJECT / "requirements.txt", tmp_path)
    service = example_service("credit-risk", Kind.CLASSIFICATION)
    assert recipe_for(service, "ab" * 32, None, tmp_path, python="3.11").tag == recipe.tag


def test_pins_what_a_server_needs_with_its_markers(recipe: BentoRecipe) -> None:
    pins = recipe.requirements.splitlines()
    assert any(pin.startswith("bentoml==") for pin in pins)
    assert any(pin.startswith("scikit-learn==") for pin in pins)
    assert not any("airflow" in pin or "--hash" in pin or pin.endswith("\\") for pin in pins)
    numpy = [pin for pin in pins if pin.startswith("numpy==")]
    assert len(numpy) == 1 or all(";" in pin for pin in numpy)


def own_folder(folder: str) -> Service:
    tabular = example_service("mine", Kind.CLASSIFICATION).model_dump()
    return Service.model_validate(tabular | {"kind": Kind.BENTO, "bento": folder})


@pytest.mark.parametrize(
    ("folder", "sentence"),
    [("../elsewhere", "outside the project"), ("examples/data", "no service.py")],
)
def test_refuses_a_folder_that_is_no_bento(folder: str, sentence: str) -> None:
    with pytest.raises(RefusedError, match=sentence) as refused:
        recipe_for(own_folder(folder), "ab" * 32, None, PROJECT, python="3.11")
    assert refused.value.code == "bad-bento-folder"


@pytest.mark.parametrize("name", ["serving", "serving.py"])
def test_refuses_a_bento_whose_serving_would_be_overwritten(tmp_path: Path, name: str) -> None:
    service = own_bento(tmp_path, "")
    (tmp_path / "greeter" / name).mkdir()
    with pytest.raises(RefusedError, match=f"has a {name} of its own") as refused:
        recipe_for(service, "ab" * 32, None, tmp_path, python="3.11")
    assert refused.value.code == "bad-bento-folder"


def test_refuses_a_bento_with_a_link_to_another_folder(tmp_path: Path) -> None:
    service = own_bento(tmp_path, "")
    (tmp_path / "shared").mkdir()
    (tmp_path / "greeter" / "shared").symlink_to(tmp_path / "shared")
    with pytest.raises(RefusedError, match="a link to another folder"):
        recipe_for(service, "ab" * 32, None, tmp_path, python="3.11")


@pytest.mark.parametrize(
    ("theirs", "joined"),
    [
        ("", "bentoml==1.4.39\nuvicorn==0.48.0\n"),
        ("torch==2.9.0\n", "torch==2.9.0\nbentoml==1.4.39\nuvicorn==0.48.0\n"),
        ("# mine\nBentoML>=1.4\n\n--pre\n", "# mine\nBentoML>=1.4\n\n--pre\nuvicorn==0.48.0\n"),
        ("uvicorn[standard]\nbentoml", "uvicorn[standard]\nbentoml\n\n"),
    ],
)
def test_a_bento_of_ones_own_needs_what_it_names_and_the_platform_the_rest(
    tmp_path: Path, theirs: str, joined: str
) -> None:
    service = own_bento(tmp_path, "", theirs)
    recipe = recipe_for(service, "ab" * 32, None, tmp_path, python="3.11")
    assert recipe.requirements == joined


def test_another_platform_or_another_service_is_another_bento(tmp_path: Path) -> None:
    service = own_bento(tmp_path, "")
    tags = []
    for file in ("serving/services/platform.py", "greeter/service.py", "serving/loadtest/x.py"):
        (tmp_path / file).write_text("changed = True")
        tags.append(recipe_for(service, "ab" * 32, None, tmp_path, python="3.11").tag)
    assert tags[0] != tags[1]
    assert tags[1] == tags[2]  # the load test isn't in a bento
