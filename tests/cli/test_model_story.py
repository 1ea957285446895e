from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.registration.test_service_file import FOUND
from tiffin.cli.model_story import ServiceFile, next_command, registered_lines
from tiffin.registration.registering import Registered
from tiffin.registry.model_version import ModelVersion
from tiffin.services.spec import Kind

VERSION = ModelVersion("churn", "2", "runs:/x/model")
REGISTERED = Registered(VERSION, is_new=True, findings=FOUND)
LIVE = ServiceFile(Path("churn.yaml"), is_new=True, is_live=True, kind=Kind.CLASSIFICATION)


@pytest.mark.parametrize(("truth", "is_live", "command"), [
    ("left", True, "tiffin deploy churn --version 2"),
    (None, True, "tiffin build churn:2"),
    ("left", False, "tiffin build churn.yaml:2"),
])  # fmt: skip
def test_what_to_type_next_is_what_can_be_done(
    truth: str | None, is_live: bool, command: str
) -> None:
    registered = replace(REGISTERED, findings=replace(FOUND, truth=truth))
    assert next_command(registered, replace(LIVE, is_live=is_live)) == command


def test_a_service_file_of_another_kind_is_pointed_out() -> None:
    other = replace(LIVE, is_new=False, kind=Kind.REGRESSION)
    notes = [said for label, said in registered_lines(REGISTERED, other, "") if label == "note"]
    assert notes == ["the service file says kind: regression; mend it, or the model"]
    assert "note" not in dict(registered_lines(REGISTERED, LIVE, ""))


def test_without_the_truth_a_person_learns_what_a_release_needs() -> None:
    registered = replace(REGISTERED, findings=replace(FOUND, truth=None))
    assert (
        "a release needs rows with the truth"
        in dict(registered_lines(registered, LIVE, ""))["note"]
    )
