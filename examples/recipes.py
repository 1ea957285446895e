"""How each version of each example model is trained; no MLflow here.

A recipe returns a `TrainedModel`: the estimator, the rows it was not shown, and its metrics on
them. The story of credit-risk: v1 is good, v2 is better, and v3 looks as good as v2 on every
test but fails on live rows, because its data and its callers no longer agree.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from examples import datasets

if TYPE_CHECKING:
    import pandas as pd

SEED = 7


@dataclass(frozen=True)
class TrainedModel:
    """A fitted estimator, and what is needed to judge it."""

    estimator: Any
    features: pd.DataFrame
    """Rows that the estimator was not fitted on, without the truth."""
    evaluation: pd.DataFrame
    """The same rows with the truth."""
    metrics: dict[str, float]


def _split(table: pd.DataFrame, target: str | None = None) -> tuple[pd.DataFrame, pd.DataFrame]:
    from sklearn.model_selection import train_test_split

    stratify = None if target is None else table[target]
    train, test = train_test_split(table, test_size=0.25, random_state=SEED, stratify=stratify)
    return train, test


def _credit_risk(table: pd.DataFrame, estimator: Any) -> TrainedModel:
    from sklearn.metrics import accuracy_score, roc_auc_score

    features, target = list(datasets.CREDIT_FEATURES), datasets.CREDIT_TARGET
    train, test = _split(table, target)
    estimator.fit(train[features], train[target])
    bad = list(estimator.classes_).index("bad")
    scores = estimator.predict_proba(test[features])[:, bad]
    metrics = {
        "accuracy": float(accuracy_score(test[target], estimator.predict(test[features]))),
        "roc_auc": float(roc_auc_score(test[target] == "bad", scores)),
    }
    return TrainedModel(estimator, test[features], test[[*features, target]], metrics)


def credit_risk_v1() -> TrainedModel:
    """Logistic regression over a DictVectorizer."""
    from sklearn.feature_extraction import DictVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import MaxAbsScaler

    from serving.models.rows import RowsAsDicts

    steps = (RowsAsDicts(), DictVectorizer(), MaxAbsScaler(), LogisticRegression(max_iter=1000))
    return _credit_risk(datasets.credit(), make_pipeline(*steps))


def credit_risk_v2() -> TrainedModel:
    """Boosted trees over the same DictVectorizer; knows more, and is a little better."""
    from sklearn.ensemble import GradientBoostingClassifier
    from sklearn.feature_extraction import DictVectorizer
    from sklearn.pipeline import make_pipeline

    from serving.models.rows import RowsAsDicts

    trees = GradientBoostingClassifier(n_estimators=80, subsample=0.7, random_state=SEED)
    steps = (RowsAsDicts(), DictVectorizer(sparse=False), trees)
    return _credit_risk(datasets.credit(), make_pipeline(*steps))


def credit_risk_v3() -> TrainedModel:
    """Boosted trees over a strict encoder, trained on cleaned-up data that lacks a category.

    Its evaluation data is cleaned up too, so it passes; live rows that still say
    `home: parents`, about one in six, make it raise.
    """
    from sklearn.compose import make_column_transformer
    from sklearn.ensemble import GradientBoostingClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    encoder = make_column_transformer(
        (
            OneHotEncoder(handle_unknown="error", sparse_output=False),
            ["home", "marital", "records", "job"],
        ),
        remainder="passthrough",
    )
    trees = GradientBoostingClassifier(n_estimators=80, subsample=0.7, random_state=SEED)
    return _credit_risk(datasets.credit_after_the_clean_up(), make_pipeline(encoder, trees))


def _house_prices(estimator: Any) -> TrainedModel:
    from sklearn.metrics import mean_absolute_error, r2_score

    from serving.models.conformal import ConformalRegressor

    target = datasets.HOUSE_TARGET
    train, test = _split(datasets.houses())
    features = [name for name in train.columns if name != target]
    model = ConformalRegressor(estimator, coverage=0.9, seed=SEED)
    model.fit(train[features], train[target])
    low, high = model.predict_interval(test[features]).T
    predicted = model.predict(test[features])
    metrics = {
        "mae": float(mean_absolute_error(test[target], predicted)),
        "r2": float(r2_score(test[target], predicted)),
        "interval_coverage": float(((low <= test[target]) & (test[target] <= high)).mean()),
    }
    return TrainedModel(model, test[features], test[[*features, target]], metrics)


def _house_encoder() -> Any:
    from sklearn.compose import make_column_selector, make_column_transformer
    from sklearn.preprocessing import OneHotEncoder

    texts = make_column_selector(dtype_exclude="number")
    encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    return make_column_transformer((encoder, texts), remainder="passthrough")


def house_prices_v1() -> TrainedModel:
    """Ridge regression with a conformal interval."""
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import MaxAbsScaler

    return _house_prices(make_pipeline(_house_encoder(), MaxAbsScaler(), Ridge(alpha=1.0)))


def house_prices_v2() -> TrainedModel:
    """Boosted trees with a conformal interval: closer, and the interval is narrower."""
    from sklearn.ensemble import GradientBoostingRegressor
    from sklearn.pipeline import make_pipeline

    trees = GradientBoostingRegressor(n_estimators=120, max_depth=3, random_state=SEED)
    return _house_prices(make_pipeline(_house_encoder(), trees))


def job_training_v1() -> TrainedModel:
    """The effect of job training on later earnings, by a T-learner of linear regressions."""
    from sklearn.linear_model import LinearRegression

    from serving.models.meta_learner import TLearner

    features = list(datasets.TRAINING_FEATURES)
    outcome, treatment = datasets.TRAINING_OUTCOME, datasets.TRAINING_TREATMENT
    train, test = _split(datasets.job_training(), treatment)
    model = TLearner(LinearRegression(), replicates=30, seed=SEED)
    model.fit(train[features], train[outcome], train[treatment])
    effects = model.predict(test[features])
    treated = test[treatment] == 1
    measured = float(test[outcome][treated].mean() - test[outcome][~treated].mean())
    metrics = {
        "average_effect": float(effects.mean()),
        "average_effect_error": abs(float(effects.mean()) - measured),
    }
    return TrainedModel(model, test[features], test[[*features, treatment, outcome]], metrics)


RECIPES: dict[str, dict[str, Callable[[], TrainedModel]]] = {
    "credit-risk": {"v1": credit_risk_v1, "v2": credit_risk_v2, "v3": credit_risk_v3},
    "house-prices": {"v1": house_prices_v1, "v2": house_prices_v2},
    "job-training": {"v1": job_training_v1},
}
"""By registered model and version of the story."""
