"""What the zoo's table doesn't show: bits, ties, refusals, and what is left to others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xgboost
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.compose import make_column_transformer
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from serving.conversion.translation import translate
from serving.conversion.untranslatable import UntranslatableError
from serving.conversion.ways import Way, ways_for
from serving.models.meta_learner import TLearner
from serving.runtime.engines.compiled import CompiledFiles
from serving.runtime.engines.engine import Outputs
from serving.runtime.engines.onnx import OnnxEngine
from serving.runtime.identity import ModelKind
from serving.runtime.rows import Rows
from tests.serving.conversion.zoo import cancer, cells_of, diabetes, loaded, wine

CLASSIFICATION, REGRESSION = ModelKind.CLASSIFICATION, ModelKind.REGRESSION


def engine(folder: Path, model: Any, table: Any, kind: ModelKind, way: Way = Way.OWN) -> OnnxEngine:
    files = CompiledFiles(folder)
    files.folder.mkdir(exist_ok=True)
    translation = translate(loaded(model, table), kind, way)
    files.graph.write_bytes(translation.graph)
    translation.plan.write(files.plan)
    return OnnxEngine(folder)


def answers(folder: Path, model: Any, table: Any, kind: ModelKind, way: Way = Way.OWN) -> Outputs:
    return engine(folder, model, table, kind, way).outputs(Rows(cells=cells_of(table)))


@pytest.mark.parametrize(
    "model",
    [
        RandomForestRegressor(40, random_state=0),
        ExtraTreesRegressor(40, random_state=0),
        HistGradientBoostingRegressor(max_iter=40),
    ],
    ids=lambda model: type(model).__name__,
)
def test_trees_are_added_in_float64_as_in_scikit_learn(model: Any, tmp_path: Path) -> None:
    features, truth = diabetes()
    model.fit(features[:300], truth[:300])
    found = answers(tmp_path, model, features, REGRESSION)["predictions"]
    np.testing.assert_allclose(found, model.predict(features), rtol=1e-14)


def test_a_forests_tie_goes_to_the_first_class_as_in_scikit_learn(tmp_path: Path) -> None:
    features = np.array([[0.0], [0.0], [1.0], [1.0]])
    model = RandomForestClassifier(2, bootstrap=False, random_state=0)
    model.fit(features, [0, 1, 0, 1])  # both leaves are undecided
    found = answers(tmp_path, model, features, CLASSIFICATION)
    assert found["probabilities"].tolist() == [[0.5, 0.5]] * 4
    assert found["predictions"].tolist() == model.predict(features).tolist() == [0, 0, 0, 0]


def test_a_tie_of_boosted_trees_goes_to_the_second_class_as_in_scikit_learn(tmp_path: Path) -> None:
    features = np.array([[0.0], [0.0], [1.0], [1.0]])
    model = GradientBoostingClassifier(n_estimators=3).fit(features, [0, 1, 0, 1])
    found = answers(tmp_path, model, features, CLASSIFICATION)
    assert found["predictions"].tolist() == model.predict(features).tolist() == [1, 1, 1, 1]


@pytest.mark.parametrize(
    ("model", "table", "kind"),
    [
        (DecisionTreeClassifier(), cancer, CLASSIFICATION),
        (RandomForestClassifier(5), wine, CLASSIFICATION),
        (GradientBoostingClassifier(n_estimators=5), cancer, CLASSIFICATION),
        (RandomForestRegressor(5), diabetes, REGRESSION),
    ],
    ids=lambda value: type(value).__name__,
)
@pytest.mark.filterwarnings("ignore:overflow encountered in cast")
def test_a_number_beyond_float32_gets_no_answer_where_scikit_learn_raises(
    model: Any, table: Any, kind: ModelKind, tmp_path: Path
) -> None:
    features, truth = table()
    model.fit(features, truth)
    row = features[:1].copy()
    row[0, 0] = 1e39
    with pytest.raises(ValueError, match="float32"):
        model.predict(row)
    compiled = engine(tmp_path, model, features, kind)
    for name, values in compiled.outputs(Rows(matrix=row)).items():
        assert (kind is CLASSIFICATION and name == "predictions") or np.isnan(values).any()


def test_a_scaler_before_xgboost_rounds_as_scikit_learn_does(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    features = random.normal(size=(4000, 6)) + 7
    scores = features @ random.normal(size=6) + random.normal(size=4000)
    truth = (scores > np.median(scores)).astype(int)
    model = make_pipeline(StandardScaler(), xgboost.XGBClassifier(n_estimators=50))
    model.fit(features, truth)
    found = answers(tmp_path, model, features, CLASSIFICATION, Way.DOUBLE)
    np.testing.assert_allclose(found["probabilities"], model.predict_proba(features), atol=1e-6)


def test_a_columns_branch_may_have_steps_that_mix_its_columns(tmp_path: Path) -> None:
    table = pd.DataFrame(
        {
            "home": pd.Series(["rent", "own", "rent", "own"] * 10, dtype="object"),
            "a": np.arange(40.0) ** 2 + 1,
            "b": np.cos(np.arange(40.0)),
        }
    )
    encoder = make_column_transformer(
        (make_pipeline(StandardScaler(), PCA()), ["b", "a"]),
        (OneHotEncoder(sparse_output=False), ["home"]),
    )
    model = make_pipeline(encoder, Ridge()).fit(table, np.arange(40.0))
    with pytest.raises(UntranslatableError, match="PCA"):
        translate(loaded(model, table), REGRESSION, Way.OWN)
    found = answers(tmp_path, model, table, REGRESSION, Way.DOUBLE)["predictions"]
    np.testing.assert_allclose(found, model.predict(table), rtol=1e-9)


def test_a_t_learner_of_linear_models_is_one_product(tmp_path: Path) -> None:
    features, truth = diabetes()
    learner = TLearner(LinearRegression(), replicates=20).fit(
        features, truth, np.arange(len(truth)) % 2
    )
    found = answers(tmp_path, learner, features, ModelKind.CAUSAL)
    np.testing.assert_allclose(found["predictions"], learner.predict(features), rtol=1e-9)
    np.testing.assert_allclose(found["intervals"], learner.predict_interval(features), rtol=1e-9)


class OwnInterval(RegressorMixin, BaseEstimator):
    """A regressor with an interval that nobody else knows how to compute."""

    def fit(self, features: Any, outcome: Any) -> OwnInterval:
        self.inner_ = Ridge().fit(features, outcome)
        return self

    def predict(self, features: Any) -> Any:
        return self.inner_.predict(features)

    def predict_interval(self, features: Any) -> Any:
        return np.column_stack([self.predict(features)] * 2)


@pytest.mark.parametrize("way", [Way.OWN, Way.DOUBLE])
def test_an_estimator_of_ones_own_has_no_translation(way: Way) -> None:
    features, truth = diabetes()
    with pytest.raises(UntranslatableError, match="OwnInterval"):
        translate(loaded(OwnInterval().fit(features, truth), features), REGRESSION, way)


def test_several_outputs_have_no_translation() -> None:
    features, truth = diabetes()
    model = Ridge().fit(features, np.column_stack([truth, truth]))
    with pytest.raises(UntranslatableError, match="several outputs"):
        translate(loaded(model, features), REGRESSION, Way.OWN)


def test_a_classifier_is_no_model_for_regression() -> None:
    features, truth = cancer()
    model = LogisticRegression(max_iter=10_000).fit(features, truth)
    with pytest.raises(UntranslatableError, match="no model for regression"):
        translate(loaded(model, features), REGRESSION, Way.OWN)


def test_rows_without_names_have_no_columns_to_begin_from() -> None:
    features, _ = cancer()
    table = pd.DataFrame({"a": [1.0]})
    assert Way.COLUMNS not in ways_for(loaded(None, features).signature)
    assert ways_for(loaded(None, table).signature) == tuple(Way)
