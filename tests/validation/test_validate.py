from __future__ import annotations

import pickle

from tests.validation.conftest import make_service
from tests.validation.test_safety import Hostile
from tiffin.services.spec import Kind
from tiffin.validation.check import Outcome, ValidationReport


def outcomes(report: ValidationReport) -> dict[str, Outcome]:
    return {check.name: check.outcome for check in report.checks}


def test_passes_a_good_version(trained):
    report = trained.validate(service=make_service(metrics=[{"name": "auc", "floor": 0.8}]))
    assert report.passed, report.sentence
    assert set(outcomes(report).values()) == {Outcome.PASSED, Outcome.SKIPPED}  # no suite


def test_an_unsafe_model_is_never_loaded_and_all_else_is_still_told(trained, tmp_path):
    canary = tmp_path / "ran"
    (trained.artifact / "model.skops").unlink()
    trained.save("placeholder", "cloudpickle").write_bytes(pickle.dumps(Hostile(canary)))
    service = make_service(metrics=[{"name": "auc", "floor": 0.95}])
    found = outcomes(report := trained.validate(service=service))
    assert not report.passed
    assert not canary.exists()
    assert found["safety"] is Outcome.FAILED
    assert found["predictions"] is Outcome.SKIPPED
    assert found["metrics"] is Outcome.FAILED
    assert "posix.system" in report.sentence
    assert "auc is 0.9" in report.sentence


def test_an_artifact_that_says_nothing_is_refused_without_a_guess(trained):
    (trained.artifact / "MLmodel").write_text("nonsense")
    report = trained.validate()
    assert not report.passed
    assert outcomes(report)["safety"] is Outcome.SKIPPED


def test_wrong_columns_are_refused_before_the_model_is_loaded(trained):
    trained.table().drop(columns="debt").to_csv(trained.data, index=False)
    report = trained.validate()
    assert outcomes(report)["evaluation data"] is Outcome.FAILED
    assert outcomes(report)["predictions"] is Outcome.SKIPPED


def test_evaluation_data_that_is_none_is_refused(trained):
    trained.data.write_text("")
    assert "can't be read as CSV" in trained.validate().sentence


def test_a_bento_of_your_own_is_not_loaded_here(trained):
    service = make_service().model_copy(update={"kind": Kind.BENTO, "bento": "mine"})
    report = trained.validate(service=service)
    assert report.passed
    assert outcomes(report)["predictions"] is Outcome.SKIPPED
