from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from tests.validation.conftest import make_service
from tiffin.confined_process import Limits
from tiffin.services.spec import Kind
from tiffin.validation.check import CheckResult, Outcome
from tiffin.validation.predictions import PredictionError, check_predictions, predict

ROOMY = Limits(seconds=60, memory_mib=2048)


def run(trained, limits: Limits = ROOMY) -> dict:
    out = trained.artifact.parent / "out.json"
    return dict(predict(trained.artifact, trained.data, out, trained.service, limits))


def test_predicts_in_a_process_of_its_own(trained):
    answer = run(trained)
    assert len(answer["predictions"]) == len(trained.table())
    assert set(answer["classes"]) == {"good", "bad"}


def test_a_model_that_takes_too_long_is_ended(trained):
    with pytest.raises(PredictionError, match=r"within 0\.2 seconds"):
        run(trained, Limits(seconds=0.2, memory_mib=2048))


def test_a_model_that_takes_too_much_memory_is_ended(trained):
    with pytest.raises(PredictionError, match="more than 30 MiB"):
        run(trained, Limits(seconds=60, memory_mib=30))


def test_says_in_one_sentence_why_a_model_cannot_predict(trained):
    trained.save(LogisticRegression().fit(np.eye(3), [0, 1, 1]))
    with pytest.raises(PredictionError, match="could not predict") as refusal:
        run(trained)
    assert "\n" not in str(refusal.value)


def judge(kind: Kind, answer: dict, rows: int = 3) -> CheckResult:
    truth = ["good", "bad", "good"] if kind is Kind.CLASSIFICATION else [1.0, 2.0, 3.0]
    service = make_service().model_copy(update={"kind": kind})
    table = pd.DataFrame({"status": truth[:rows]})
    return check_predictions(json.loads(json.dumps(answer)), table, service)


@pytest.mark.parametrize(("kind", "answer"), [
    (Kind.CLASSIFICATION, {"predictions": ["good"] * 3, "classes": ["bad", "good"],
                           "probabilities": [[0.1, 0.9]] * 3}),
    (Kind.REGRESSION, {"predictions": [1, 2.5, 3], "intervals": [[0, 2], [2, 3], [3, 3]]}),
    (Kind.CAUSAL, {"predictions": [-1.0, 0, 1], "effects": [-1.0, 0, 1]}),
])  # fmt: skip
def test_passes_sane_predictions(kind, answer):
    assert judge(kind, answer).outcome is Outcome.PASSED


@pytest.mark.parametrize(("kind", "answer"), [
    (Kind.CLASSIFICATION, {"predictions": ["good", "good"]}),
    (Kind.CLASSIFICATION, {"predictions": ["good", "good", None]}),
    (Kind.CLASSIFICATION, {"predictions": ["good", "good", "ugly"]}),
    (Kind.CLASSIFICATION, {"predictions": ["good"] * 3, "classes": ["bad", "good"],
                           "probabilities": [[-0.1, 1.1]] * 3}),
    (Kind.REGRESSION, {"predictions": [1, 2, float("nan")]}),
    (Kind.REGRESSION, {"predictions": [1, 2, float("inf")]}),
    (Kind.REGRESSION, {"predictions": [1, 2, 3], "intervals": [[0, 2], [2, 3], [4, 3]]}),
    (Kind.REGRESSION, {"predictions": [1, 2, 3], "intervals": [[0, 2]]}),
])  # fmt: skip
def test_refuses_predictions_that_no_sane_model_makes(kind, answer):
    assert judge(kind, answer).outcome is Outcome.FAILED
