from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from lightgbm import LGBMClassifier
from sklearn.compose import make_column_transformer
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.feature_extraction import DictVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression, PoissonRegressor
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, PolynomialFeatures, StandardScaler
from sklearn.svm import LinearSVC
from xgboost import XGBClassifier, XGBRegressor

from serving.models.conformal import ConformalRegressor
from serving.models.meta_learner import TLearner
from serving.models.rows import RowsAsDicts
from serving.runtime.columns import NUMBER, TEXT, Column
from serving.runtime.engines.native import NativeEngine
from serving.runtime.explanations.errors import NotExplainableError
from serving.runtime.explanations.explainer import ModelExplainer
from serving.runtime.identity import ModelKind
from serving.runtime.model_files import LoadedModel, load_model
from serving.runtime.rows import Rows
from serving.runtime.signature import InputSignature
from tests.serving.served_models import EXAMPLES, ServedModels

pytestmark = [  # what shap says when it is loaded, and of LightGBM; its process ignores it
    pytest.mark.filterwarnings("ignore::PendingDeprecationWarning"),
    pytest.mark.filterwarnings("ignore:LightGBM binary classifier:UserWarning"),
]

CLASSIFICATION, REGRESSION = ModelKind.CLASSIFICATION, ModelKind.REGRESSION
RANDOM = np.random.default_rng(3)
HOMES = np.array(["own", "rent", "other"])
TABLE = pd.DataFrame(
    {
        "age": RANDOM.uniform(20, 70, 200),
        "home": pd.Series(HOMES[RANDOM.integers(0, 3, 200)], dtype=object),
        "income": RANDOM.uniform(1, 9, 200),
    }
)
NUMBERS = TABLE[["age", "income"]]
SCORE = TABLE["income"] * 10 - TABLE["age"] + 15 * (TABLE["home"] == "own")
GOOD = np.where(SCORE.gt(SCORE.median()), "good", "bad")
IS_GOOD = (GOOD == "good").astype(int)
GRADE = pd.cut(SCORE, 3, labels=["high", "low", "middle"]).astype(str).to_numpy()
ENCODER = make_column_transformer((OneHotEncoder(), ["home"]), remainder="passthrough")
SCALED = make_column_transformer((OneHotEncoder(), ["home"]), (StandardScaler(), ["age", "income"]))
DICTS = (RowsAsDicts(), DictVectorizer())


def loaded(estimator: Any, table: pd.DataFrame, examples: int = 5) -> LoadedModel:
    columns = [Column(name, TEXT if name == "home" else NUMBER) for name in table]
    example = rows_of(table, 0, examples) if examples else None
    return LoadedModel(estimator, InputSignature(tuple(columns)), example)


def rows_of(table: pd.DataFrame, start: int, stop: int) -> Rows:
    return Rows(cells=table.iloc[start:stop].values.tolist())


def explained_number(model: LoadedModel, kind: ModelKind, rows: Rows, output: str) -> Any:
    """What the shares must add up to, by the model's own answer."""
    outputs = NativeEngine(model, kind).outputs(rows)
    if kind is not CLASSIFICATION:
        return outputs["predictions"]
    probabilities = outputs["probabilities"]
    if output == "probability of the most probable class":
        return probabilities.max(axis=1)
    chance = probabilities[:, 1]
    return np.log(chance / (1 - chance)) if output.startswith("log-odds of ") else chance


def sums(answer: dict[str, Any]) -> np.ndarray:
    shares = [sum(row.values()) for row in answer["contributions"]]
    return np.array(answer["base_value"]) + np.array(shares)


def check(model: LoadedModel, kind: ModelKind, rows: Rows) -> dict[str, Any]:
    answer = ModelExplainer(model, kind).explain(rows)
    wanted = explained_number(model, kind, rows, answer["output"])
    np.testing.assert_allclose(sums(answer), wanted, rtol=1e-3, atol=1e-4)
    assert [tuple(row) for row in answer["contributions"]] == [model.signature.names] * rows.count
    outputs = NativeEngine(model, kind).outputs(rows)
    assert answer["predictions"] == outputs["predictions"].tolist()
    return answer


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("name", "method", "output"),
    [
        ("credit-risk:v1", "linear", "log-odds of good"),
        ("credit-risk:v3", "tree", "log-odds of good"),
        ("house-prices:v1", "linear", "prediction"),
        ("job-training:v1", "linear", "effect"),
    ],
)
def test_the_examples_are_explained(
    served: ServedModels, name: str, method: str, output: str
) -> None:
    model = load_model(served.artifact(name))
    assert model.example is not None
    answer = check(model, ModelKind(EXAMPLES[name].value), model.example)
    assert (answer["method"], answer["output"]) == (method, output)


Case = tuple[Callable[[], Any], pd.DataFrame, Any, ModelKind, str, str]
CASES: dict[str, Case] = {
    "xgboost classifier": (
        lambda: XGBClassifier(n_estimators=8, max_depth=3),
        *(NUMBERS, IS_GOOD, CLASSIFICATION, "tree", "log-odds of 1"),
    ),
    "xgboost regressor": (
        lambda: XGBRegressor(n_estimators=8),
        *(NUMBERS, SCORE, REGRESSION, "tree", "prediction"),
    ),
    "xgboost counts, whose trees add up to a logarithm": (
        lambda: XGBRegressor(n_estimators=8, objective="count:poisson"),
        *(NUMBERS, IS_GOOD, REGRESSION, "permutation", "prediction"),
    ),
    "lightgbm": (
        lambda: LGBMClassifier(n_estimators=8, verbose=-1),
        *(NUMBERS, GOOD, CLASSIFICATION, "tree", "log-odds of good"),
    ),
    "forest": (
        lambda: make_pipeline(SCALED, RandomForestClassifier(8, random_state=0)),
        *(TABLE, GOOD, CLASSIFICATION, "tree", "probability of good"),
    ),
    "forest of three classes": (
        lambda: make_pipeline(ENCODER, RandomForestClassifier(8, random_state=0)),
        *(TABLE, GRADE, CLASSIFICATION, "tree", "probability of the most probable class"),
    ),
    "linear model of three classes": (
        lambda: make_pipeline(SCALED, LogisticRegression()),
        *(TABLE, GRADE, CLASSIFICATION, "permutation", "probability of the most probable class"),
    ),
    "boosted trees over dictionaries": (
        lambda: make_pipeline(*DICTS, GradientBoostingClassifier(n_estimators=8)),
        *(TABLE, GOOD, CLASSIFICATION, "tree", "log-odds of good"),
    ),
    "search over settings": (
        lambda: GridSearchCV(make_pipeline(SCALED, LogisticRegression()), {}, cv=2),
        *(TABLE, GOOD, CLASSIFICATION, "linear", "log-odds of good"),
    ),
    "linear model with a logarithm": (
        lambda: make_pipeline(SCALED, PoissonRegressor()),
        *(TABLE, IS_GOOD, REGRESSION, "permutation", "prediction"),
    ),
    "columns that are multiplied": (
        lambda: make_pipeline(PolynomialFeatures(2), LinearRegression()),
        *(NUMBERS, SCORE, REGRESSION, "permutation", "prediction"),
    ),
    "neighbours": (
        lambda: make_pipeline(SCALED, KNeighborsClassifier()),
        *(TABLE, GOOD, CLASSIFICATION, "permutation", "probability of good"),
    ),
    "conformal trees": (
        lambda: ConformalRegressor(make_pipeline(ENCODER, XGBRegressor(n_estimators=5))),
        *(TABLE, SCORE, REGRESSION, "tree", "prediction"),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_shares_add_up_to_the_models_own_answer(name: str) -> None:
    make, table, outcome, kind, method, output = CASES[name]
    model = loaded(make().fit(table, outcome), table)
    answer = check(model, kind, rows_of(table, 50, 57))
    assert (answer["method"], answer["output"]) == (method, output)


def test_the_effect_of_two_models_of_trees_is_explained() -> None:
    learner = TLearner(XGBRegressor(n_estimators=5), replicates=2)
    learner.fit(NUMBERS, SCORE * (1 + IS_GOOD), np.arange(len(NUMBERS)) % 2)
    answer = check(loaded(learner, NUMBERS), ModelKind.CAUSAL, rows_of(NUMBERS, 50, 55))
    assert (answer["method"], answer["output"]) == ("tree", "effect")


def test_a_linear_share_is_the_weight_times_the_distance_from_the_example() -> None:
    model = loaded(LinearRegression().fit(NUMBERS, 3 * NUMBERS["age"]), NUMBERS)
    answer = check(model, REGRESSION, rows_of(NUMBERS, 50, 51))
    distance = NUMBERS["age"].iloc[50] - NUMBERS["age"].iloc[:5].mean()
    assert answer["contributions"][0]["age"] == pytest.approx(3 * distance)
    assert answer["contributions"][0]["income"] == pytest.approx(0, abs=1e-9)


def test_the_same_question_has_the_same_answer() -> None:
    model = loaded(KNeighborsRegressor().fit(NUMBERS, SCORE), NUMBERS)
    rows = rows_of(NUMBERS, 50, 53)
    first, second = (ModelExplainer(model, REGRESSION).explain(rows) for _ in range(2))
    assert first == second
    assert first["method"] == "permutation"


def test_trees_need_no_example() -> None:
    model = loaded(XGBRegressor(n_estimators=5).fit(NUMBERS, SCORE), NUMBERS, examples=0)
    assert check(model, REGRESSION, rows_of(NUMBERS, 50, 52))["method"] == "tree"


def test_another_model_without_an_example_is_refused_with_what_to_log() -> None:
    model = loaded(KNeighborsClassifier().fit(NUMBERS, GOOD), NUMBERS, examples=0)
    with pytest.raises(NotExplainableError, match="log it with input_example"):
        ModelExplainer(model, CLASSIFICATION).explain(rows_of(NUMBERS, 50, 52))


def test_a_classifier_without_probabilities_is_refused() -> None:
    model = loaded(LinearSVC().fit(NUMBERS, GOOD), NUMBERS)
    with pytest.raises(NotExplainableError, match="knows no probabilities"):
        ModelExplainer(model, CLASSIFICATION).explain(rows_of(NUMBERS, 50, 52))
