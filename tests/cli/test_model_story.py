from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.registration.test_service_file import FOUND
from tiffin.cli.model_story import ServiceFile, next_step, registered_lines
from tiffin.registration.registering import Registered
from tiffin.registry.model_version import ModelVersion
from tiffin.services.spec import Kind

VERSION = ModelVersion("churn", "2", "runs:/x/model")
REGISTERED = Registered(VERSION, is_new=True, findings=FOUND)
ASK = "curl -s http://127.0.0.1:3004/predict"
LIVE = ServiceFile(Path("churn.yaml"), is_new=True, is_live=True, kind=Kind.CLASSIFICATION, ask=ASK)


@pytest.mark.parametrize(("truth", "is_live", "command"), [
    ("left", True, "tiffin deploy churn --version 2"),
    (None, True, "tiffin build churn:2"),
    ("left", False, "tiffin build churn.yaml:2"),
])  # fmt: skip
def test_what_to_type_next_is_what_can_be_done(
    truth: str | None, is_live: bool, command: str
) -> None:
    registered = replace(REGISTERED, findings=replace(FOUND, truth=truth))
    assert next_step(registered, replace(LIVE, is_live=is_live), "tiffin") == command


def test_what_to_type_next_is_typed_as_tiffin_was_and_then_the_service_is_asked() -> None:
    told = dict(registered_lines(REGISTERED, LIVE, "", ".venv/bin/tiffin"))
    assert told["next"] == ".venv/bin/tiffin deploy churn --version 2"
    assert told["then"] == ASK


def test_a_service_file_of_another_kind_is_mended_before_anything_is_deployed() -> None:
    other = replace(LIVE, is_new=False, kind=Kind.REGRESSION)
    told = dict(registered_lines(REGISTERED, other, ""))
    assert told["note"] == "the service file says kind: regression; this model is another"
    assert told["next"] == "mend the service file (kind), or choose another --name"
    assert "then" not in told
    assert "note" not in dict(registered_lines(REGISTERED, LIVE, ""))


def test_without_the_truth_a_person_learns_what_a_release_needs() -> None:
    registered = replace(REGISTERED, findings=replace(FOUND, truth=None))
    assert (
        "a release needs rows with the truth"
        in dict(registered_lines(registered, LIVE, ""))["note"]
    )
