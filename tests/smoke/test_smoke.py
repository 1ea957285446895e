from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from serving.runtime.offline_predict import main as predict_offline
from tests.serving.served_models import ServedModels, free_port
from tiffin.errors import RefusedError
from tiffin.home import PROJECT
from tiffin.services.catalog import load_service
from tiffin.services.spec import Service
from tiffin.smoke.smoke import run_smoke

pytestmark = pytest.mark.timeout(400)

SERVICE = load_service(PROJECT / "include" / "services" / "credit-risk.yaml")


@pytest.fixture(scope="session")
def golden(served: ServedModels) -> Path:
    out = served.folder / "golden.json"
    name = "credit-risk:v1"
    places = [str(served.artifact(name)), str(served.evaluation(name)), str(out)]
    assert predict_offline([*places, "--kind", "classification", "--target", "status"]) == 0
    return out


def smoke_of(changes: dict[str, Any]) -> Service:
    case = SERVICE.smoke[0].model_dump() | {"name": "the case"} | changes
    return Service.model_validate(SERVICE.model_dump() | {"smoke": [case]})


@pytest.mark.parametrize("name", ["credit-risk", "house-prices", "job-training"])
def test_each_example_passes_its_own_smoke_test(served: ServedModels, name: str) -> None:
    service = load_service(PROJECT / "include" / "services" / f"{name}.yaml")
    report = run_smoke(service, served.server(f"{name}:v1").url, None)
    assert report.passed, report.failures
    names = ["ready", *(case.name for case in service.smoke), "metrics"]
    assert [check.name for check in report.checks] == names


def test_a_compiled_candidate_says_so_and_why(served: ServedModels) -> None:
    info = served.server("credit-risk:v1").post("/model_info", {}).json()
    assert info["engine"] == info["inference"]["engine"] == "onnxruntime"
    assert info["inference"]["compared"]["evaluation rows"]["disagreeing"] == 0


def test_answers_equal_to_the_offline_ones_pass(served: ServedModels, golden: Path) -> None:
    report = run_smoke(SERVICE, served.server("credit-risk:v1").url, golden)
    assert report.passed, report.failures
    assert "golden rows" in [check.name for check in report.checks]


def test_a_candidate_that_answers_otherwise_than_offline_fails(
    served: ServedModels, golden: Path, tmp_path: Path
) -> None:
    predicted = json.loads(golden.read_text())
    predicted["golden"]["answer"]["probabilities"][2][0] += 0.001
    other = tmp_path / "predictions.json"
    other.write_text(json.dumps(predicted))
    report = run_smoke(SERVICE, served.server("credit-risk:v1").url, other)
    (failure,) = report.failures
    assert failure.startswith(
        "golden rows: not what the model said offline: probabilities[2][0] is "
    )


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"status": 400}, "the case: /predict answered 200, not 400: {"),
        ({"fields": ("intervals",)}, "the case: the answer lacks intervals"),
        ({"path": "/nowhere"}, "the case: /nowhere answered 404, not 200: "),
        ({"body": {}}, "the case: /predict answered 400, not 200: {"),
    ],
)
def test_each_failure_is_a_sentence(
    served: ServedModels, changes: dict[str, Any], sentence: str
) -> None:
    report = run_smoke(smoke_of(changes), served.server("credit-risk:v1").url, None)
    assert len(report.failures) == 1
    assert report.failures[0].startswith(sentence)


def test_a_candidate_that_is_gone_fails_every_check() -> None:
    report = run_smoke(SERVICE, f"http://127.0.0.1:{free_port()}", None)
    assert len(report.failures) == len(report.checks)
    assert report.failures[0] == "ready: no answer: ConnectionError"


@pytest.mark.parametrize("text", ["", "{}", '{"golden": 3}', json.dumps({"golden": {}})])
def test_refuses_golden_predictions_that_it_can_not_read(tmp_path: Path, text: str) -> None:
    file = tmp_path / "predictions.json"
    file.write_text(text)
    with pytest.raises(RefusedError) as refused:
        run_smoke(SERVICE, "http://127.0.0.1:1", file)
    assert refused.value.code == "bad-golden-file"
