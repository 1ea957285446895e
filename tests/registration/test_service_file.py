from __future__ import annotations

import socket
from dataclasses import replace
from pathlib import Path

import pytest

from tiffin.errors import RefusedError
from tiffin.home import TiffinHome
from tiffin.registration.findings import Findings
from tiffin.registration.service_file import (
    choose_gates,
    ensure_service_file,
    free_port,
    skeleton,
)
from tiffin.services.catalog import load_service
from tiffin.services.spec import Kind

FOUND = Findings(
    file="my churn: #1.pkl",
    framework="scikit-learn 1.9.1",
    estimator="Pipeline",
    kind=Kind.CLASSIFICATION,
    features={"plan": "string", "monthly": "double"},
    is_named=True,
    truth='did they "leave"?',
    truth_why="as --target says",
    rows=100,
    example={"plan": "no", "monthly": 1e-07},
    metrics={"accuracy": 0.8, "roc_auc": 0.9, "f1_macro": 0.7, "log_loss": 0.4},
    answers=("predictions", "probabilities"),
)


def test_findings_are_read_as_they_were_written() -> None:
    bare = replace(FOUND, example=(1.0, 2.0), is_named=False)
    assert Findings.of_json(FOUND.as_json()) == FOUND
    assert Findings.of_json(bare.as_json()) == bare


def test_the_file_is_valid_whatever_the_names_are(tmp_path: Path) -> None:
    file = tmp_path / "churn.yaml"
    gates = choose_gates([], FOUND)
    assert ensure_service_file(file, skeleton("churn", FOUND, gates, 3004, file))
    service = load_service(file)
    assert (service.model, service.kind, service.port) == ("churn", Kind.CLASSIFICATION, 3004)
    assert service.validation.target == FOUND.truth
    assert service.smoke[0].body["input_data"]["features"] == [FOUND.example]
    assert service.smoke[0].fields == FOUND.answers
    assert [(gate.name, gate.floor) for gate in service.validation.metrics] == [
        ("roc_auc", 0.855),
        ("accuracy", 0.76),
    ]


def test_a_file_that_is_there_is_never_written_over(tmp_path: Path) -> None:
    file = tmp_path / "churn.yaml"
    file.write_text("mine")
    assert not ensure_service_file(file, skeleton("churn", FOUND, {}, 3004, file))
    assert (file.read_text(), list(tmp_path.iterdir())) == ("mine", [file])


def test_a_metric_may_be_chosen_with_its_floor() -> None:
    assert choose_gates(["f1_macro", "log_loss=0.5"], FOUND) == {"f1_macro": 0.665, "log_loss": 0.5}
    assert choose_gates(["log_loss"], FOUND) == {"log_loss": 0.42}


@pytest.mark.parametrize(("wished", "sentence"), [
    ("auc", "'auc' was not measured; there are accuracy, f1_macro, log_loss, roc_auc"),
    ("accuracy=high", "'high' is no floor of accuracy"),
])  # fmt: skip
def test_a_metric_that_was_not_measured_is_refused(wished: str, sentence: str) -> None:
    with pytest.raises(RefusedError, match=sentence):
        choose_gates([wished], FOUND)


def test_the_port_is_one_that_nobody_has(tmp_path: Path) -> None:
    home = TiffinHome(tmp_path / "home")
    home.__dict__["settings"] = {"offset": 18000, "mlflow": 21002}
    services = tmp_path / "services"
    services.mkdir()
    file = services / "other.yaml"
    ensure_service_file(file, skeleton("other", FOUND, {}, 3001, file))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 21003))
        taken.listen()
        assert free_port(services, home) == 3004
