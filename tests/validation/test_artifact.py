from __future__ import annotations

import pytest

from tiffin.validation.artifact import check_artifact
from tiffin.validation.check import CheckResult, Outcome
from tiffin.validation.description import read_description


def check(trained) -> CheckResult:
    return check_artifact(trained.artifact, read_description(trained.artifact))


def test_passes_a_complete_artifact(trained):
    assert check(trained).outcome is Outcome.PASSED


def test_refuses_a_model_without_input_example(trained):
    trained.describe(saved_input_example_info=None)
    assert "no input example" in check(trained).sentence


@pytest.mark.parametrize("file", ["model.skops", "input_example.json"])
def test_refuses_an_artifact_that_lacks_a_file_it_names(trained, file):
    (trained.artifact / file).unlink()
    assert f"names '{file}', which the artifact lacks" in check(trained).sentence


@pytest.mark.parametrize("name", ["/etc/passwd", "../data.csv"])
def test_refuses_a_name_outside_the_artifact(trained, name):
    trained.describe(flavors={"sklearn": {"pickled_model": name}})
    assert "outside the artifact" in check(trained).sentence


def test_refuses_an_example_that_is_no_json(trained):
    (trained.artifact / "input_example.json").write_text("{")
    assert "no JSON" in check(trained).sentence
