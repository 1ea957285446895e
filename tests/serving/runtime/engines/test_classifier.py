from __future__ import annotations

import warnings
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import BaggingClassifier, ExtraTreesClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC
from xgboost import XGBClassifier

from serving.runtime.engines.classifier import Classifier

RANDOM = np.random.default_rng(4)
TABLE = pd.DataFrame(RANDOM.normal(size=(300, 4)), columns=list("abcd"))
CLASS = (TABLE["a"] + TABLE["b"] ** 2 + RANDOM.normal(size=300) > 0.8).astype(int)
TEXTS = np.where(CLASS == 1, "yes", "no")
THREE = np.array(["x", "y", "z"])[np.digitize(TABLE["c"], [-0.5, 0.5])]


def forest(**options: Any) -> RandomForestClassifier:
    return RandomForestClassifier(10, random_state=0, **options)


@pytest.mark.parametrize("truth", [CLASS, TEXTS, THREE], ids=["numbers", "texts", "three"])
@pytest.mark.parametrize(
    "estimator",
    [
        forest(),
        ExtraTreesClassifier(10, random_state=0),
        BaggingClassifier(n_estimators=5, random_state=0),
        CalibratedClassifierCV(LogisticRegression(), cv=3),
        make_pipeline(StandardScaler(), forest()),
        make_pipeline(StandardScaler(), LogisticRegression()),
        make_pipeline(LogisticRegression()),
        OneVsRestClassifier(LogisticRegression()),
        lightgbm.LGBMClassifier(n_estimators=5, verbose=-1),
        make_pipeline(StandardScaler(), LinearSVC()),
        SVC(),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_answers_exactly_as_the_estimator_itself(estimator: Any, truth: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        estimator.fit(TABLE, truth)
        labels, probabilities = Classifier(estimator).answer(TABLE)
        assert np.array_equal(labels, estimator.predict(TABLE))
        if hasattr(estimator, "predict_proba"):
            assert np.array_equal(probabilities, estimator.predict_proba(TABLE))
        else:
            assert probabilities is None


def test_labels_that_differ_from_the_most_probable_class_are_kept() -> None:
    class Careful(LogisticRegression):
        def predict(self, table: Any) -> Any:
            return np.where(self.predict_proba(table)[:, 1] > 0.1, "yes", "no")

    estimator = make_pipeline(StandardScaler(), Careful()).fit(TABLE, TEXTS)
    labels, _ = Classifier(estimator).answer(TABLE)
    assert np.array_equal(labels, estimator.predict(TABLE))
    most_probable = estimator.classes_.take(estimator.predict_proba(TABLE).argmax(axis=1))
    assert not np.array_equal(labels, most_probable)


def test_a_forest_with_its_own_predict_is_asked_for_it() -> None:
    class Contrary(RandomForestClassifier):
        def predict(self, table: Any) -> Any:
            return np.full(len(table), "no")

    labels, _ = Classifier(Contrary(5, random_state=0).fit(TABLE, TEXTS)).answer(TABLE)
    assert set(labels) == {"no"}


def test_xgboost_answers_its_own_labels() -> None:
    estimator = XGBClassifier(n_estimators=5, objective="binary:hinge").fit(TABLE, CLASS)
    labels, _ = Classifier(estimator).answer(TABLE)
    assert np.array_equal(labels, estimator.predict(TABLE))


class Counting(TransformerMixin, BaseEstimator):
    """Counts how many tables it transforms."""

    transformed = 0

    def fit(self, table: Any, outcome: Any = None) -> Counting:
        return self

    def transform(self, table: Any) -> Any:
        Counting.transformed += 1
        return table

    def __sklearn_is_fitted__(self) -> bool:
        return True


def test_a_pipeline_transforms_its_rows_once() -> None:
    estimator = make_pipeline(Counting(), LogisticRegression()).fit(TABLE, TEXTS)
    Counting.transformed = 0
    Classifier(estimator).answer(TABLE)
    assert Counting.transformed == 1


def test_a_forest_computes_its_probabilities_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Any] = []
    honest = RandomForestClassifier.predict_proba

    def counted(self: Any, table: Any) -> Any:
        calls.append(table)
        return honest(self, table)

    monkeypatch.setattr(RandomForestClassifier, "predict_proba", counted)
    Classifier(forest().fit(TABLE, TEXTS)).answer(TABLE)
    assert len(calls) == 1


def test_an_estimator_that_says_no_classes_still_answers() -> None:
    class Plain:
        def predict(self, table: Any) -> Any:
            return np.zeros(len(table))

    classifier = Classifier(Plain())
    assert classifier.classes is None
    assert classifier.answer(TABLE)[1] is None
