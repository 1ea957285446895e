"""Many kinds of models, each small and fitted on real data, for the table of what compiles."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import xgboost
from sklearn import (
    calibration,
    compose,
    datasets,
    decomposition,
    ensemble,
    feature_extraction,
    feature_selection,
    gaussian_process,
    impute,
    linear_model,
    naive_bayes,
    neighbors,
    neural_network,
    preprocessing,
    svm,
    tree,
)
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline, make_union

from examples.datasets import CREDIT_FEATURES, CREDIT_TARGET, credit, houses
from serving.models.conformal import ConformalRegressor
from serving.models.meta_learner import TLearner
from serving.models.quantiles import QuantileIntervalRegressor
from serving.models.rows import RowsAsDicts
from serving.runtime.columns import NUMBER, TEXT, WHOLE, Column
from serving.runtime.identity import ModelKind
from serving.runtime.model_files import LoadedModel
from serving.runtime.signature import InputSignature

Table = tuple[Any, Any]
"""Features and truth."""


@dataclass(frozen=True)
class Specimen:
    """A kind of model: what to fit, on which table, and what it answers."""

    make: Callable[[], Any]
    table: Callable[[], Table]
    kind: ModelKind
    native: bool = False
    """Whether we know that it stays native."""

    def fitted(self) -> tuple[LoadedModel, list[list[Any]]]:
        """Fit it on three quarters of the table; return it, and the other rows."""
        features, truth = self.table()
        train, test, outcome, _ = train_test_split(features, truth, test_size=0.25, random_state=0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # some don't converge, which is no concern here
            model = _fit(self.make(), train, outcome)
        return loaded(model, test), cells_of(test)


def _fit(model: Any, train: Any, outcome: Any) -> Any:
    if isinstance(model, TLearner):
        return model.fit(train, outcome, np.arange(len(outcome)) % 2)
    return model.fit(train, outcome)


def loaded(model: Any, table: Any) -> LoadedModel:
    """Return a fitted model as if it had been logged with this table's signature."""
    return LoadedModel(model, _signature(table))


def cells_of(table: Any) -> list[list[Any]]:
    """Return a table's rows as lists of Python's own values."""
    if isinstance(table, pd.DataFrame):
        return [list(row) for row in table.astype(object).to_numpy().tolist()]
    return np.asarray(table).tolist()


def _signature(table: Any) -> InputSignature:
    if not isinstance(table, pd.DataFrame):
        names = [f"x{index}" for index in range(table.shape[1])]
        return InputSignature(tuple(Column(name, NUMBER) for name in names), named=False)
    types = {"i": WHOLE, "f": NUMBER}
    return InputSignature(
        tuple(Column(name, types.get(table[name].dtype.kind, TEXT)) for name in table.columns)
    )


# Tables


@cache
def cancer() -> Table:
    return datasets.load_breast_cancer(return_X_y=True)


@cache
def wine() -> Table:
    return datasets.load_wine(return_X_y=True)


@cache
def digits() -> Table:
    return datasets.load_digits(return_X_y=True)


@cache
def flowers() -> Table:
    features, truth = datasets.load_iris(return_X_y=True)
    return features, np.array(["setosa", "versicolor", "virginica"], dtype=object)[truth]


@cache
def diabetes() -> Table:
    return datasets.load_diabetes(return_X_y=True)


@cache
def counts() -> Table:
    features, truth = datasets.load_diabetes(return_X_y=True)
    return features, np.round(truth / 10)


@cache
def loans() -> Table:
    table = credit()
    return table[list(CREDIT_FEATURES)], table[CREDIT_TARGET].to_numpy()


@cache
def coded_loans() -> Table:
    table, truth = loans()
    return table, (truth == "bad").astype(int)


@cache
def prices() -> Table:
    table = houses()
    return table.drop(columns="sale_price"), table["sale_price"].to_numpy(dtype=float)


TEXTS = ["home", "marital", "records", "job"]


def _encoded(encoder: Any, *scaler: Any) -> Any:
    numbers = scaler[0] if scaler else "passthrough"
    texts = compose.make_column_selector(dtype_exclude="number")
    rest = compose.make_column_selector(dtype_include="number")
    return compose.make_column_transformer((encoder, texts), (numbers, rest))


def _one_hot(**options: Any) -> Any:
    return preprocessing.OneHotEncoder(handle_unknown="ignore", **options)


def _small(model: type, **options: Any) -> Callable[[], Any]:
    return lambda: model(n_estimators=30, random_state=0, **options)


class Doubler(TransformerMixin, BaseEstimator):
    """Somebody's own transformer."""

    def fit(self, table: Any, outcome: Any = None) -> Doubler:
        return self

    def transform(self, table: Any) -> Any:
        return np.asarray(table) * 2

    def __sklearn_is_fitted__(self) -> bool:
        return True


def _log(values: Any) -> Any:
    return np.log1p(np.abs(values))


def _classifiers() -> dict[str, Specimen]:
    def on(table: Callable[[], Table], make: Callable[[], Any], **more: Any) -> Specimen:
        return Specimen(make, table, ModelKind.CLASSIFICATION, **more)

    logistic = linear_model.LogisticRegression
    scaled = preprocessing.StandardScaler
    return {
        "LogisticRegression": on(cancer, logistic),
        "LogisticRegression, 3 classes, texts": on(flowers, logistic),
        "StandardScaler, LogisticRegressionCV": on(
            cancer, lambda: make_pipeline(scaled(), linear_model.LogisticRegressionCV(cv=3))
        ),
        "RidgeClassifier": on(cancer, linear_model.RidgeClassifier),
        "LinearSVC": on(wine, svm.LinearSVC),
        "Perceptron": on(cancer, linear_model.Perceptron),
        "SGDClassifier": on(
            cancer,
            lambda: make_pipeline(
                scaled(), linear_model.SGDClassifier(loss="log_loss", random_state=0)
            ),
        ),
        "DecisionTreeClassifier": on(cancer, lambda: tree.DecisionTreeClassifier(random_state=0)),
        "RandomForestClassifier": on(cancer, _small(ensemble.RandomForestClassifier)),
        "RandomForestClassifier, 10 classes": on(digits, _small(ensemble.RandomForestClassifier)),
        "ExtraTreesClassifier, texts": on(flowers, _small(ensemble.ExtraTreesClassifier)),
        "GradientBoostingClassifier": on(cancer, _small(ensemble.GradientBoostingClassifier)),
        "GradientBoostingClassifier, 3 classes": on(
            wine, _small(ensemble.GradientBoostingClassifier)
        ),
        "GradientBoostingClassifier, exponential": on(
            cancer, _small(ensemble.GradientBoostingClassifier, loss="exponential")
        ),
        "HistGradientBoostingClassifier": on(cancer, ensemble.HistGradientBoostingClassifier),
        "HistGradientBoostingClassifier, 3 classes": on(
            flowers, ensemble.HistGradientBoostingClassifier
        ),
        "AdaBoostClassifier": on(cancer, _small(ensemble.AdaBoostClassifier)),
        "BaggingClassifier": on(cancer, _small(ensemble.BaggingClassifier)),
        "StackingClassifier": on(
            cancer,
            lambda: ensemble.StackingClassifier(
                [
                    ("tree", tree.DecisionTreeClassifier(max_depth=3, random_state=0)),
                    ("linear", make_pipeline(scaled(), logistic())),
                ]
            ),
        ),
        "VotingClassifier, soft": on(
            cancer,
            lambda: ensemble.VotingClassifier(
                [
                    ("linear", logistic()),
                    ("tree", tree.DecisionTreeClassifier(max_depth=3, random_state=0)),
                ],
                voting="soft",
            ),
        ),
        "SVC, probability": on(
            cancer,
            lambda: calibration.CalibratedClassifierCV(svm.SVC(), ensemble=False),
        ),
        "SVC": on(cancer, lambda: make_pipeline(scaled(), svm.SVC())),
        "CalibratedClassifierCV": on(
            cancer, lambda: calibration.CalibratedClassifierCV(naive_bayes.GaussianNB())
        ),
        "KNeighborsClassifier": on(cancer, neighbors.KNeighborsClassifier, native=True),
        "MLPClassifier": on(
            cancer,
            lambda: make_pipeline(scaled(), neural_network.MLPClassifier((20,), random_state=0)),
        ),
        "GaussianNB": on(cancer, naive_bayes.GaussianNB),
        "XGBClassifier": on(cancer, _small(xgboost.XGBClassifier)),
        "XGBClassifier, 3 classes": on(wine, _small(xgboost.XGBClassifier)),
        "StandardScaler, XGBClassifier": on(
            cancer, lambda: make_pipeline(scaled(), xgboost.XGBClassifier(n_estimators=60))
        ),
        "LGBMClassifier": on(cancer, _small(lightgbm.LGBMClassifier, verbose=-1)),
        "LGBMClassifier, 3 classes, texts": on(
            flowers, _small(lightgbm.LGBMClassifier, verbose=-1)
        ),
        "one-hot texts, LogisticRegression": on(
            loans, lambda: make_pipeline(_encoded(_one_hot(), scaled()), logistic(max_iter=300))
        ),
        "one-hot texts, RandomForestClassifier": on(
            loans,
            lambda: make_pipeline(
                _encoded(_one_hot(sparse_output=False)),
                ensemble.RandomForestClassifier(30, max_depth=8, random_state=0),
            ),
        ),
        "one-hot texts, rare ones merged, scaled, XGBClassifier": on(
            coded_loans,
            lambda: make_pipeline(
                _encoded(
                    preprocessing.OneHotEncoder(
                        handle_unknown="infrequent_if_exist", min_frequency=0.1
                    ),
                    scaled(),
                ),
                xgboost.XGBClassifier(n_estimators=60),
            ),
        ),
        "ordinal texts, LGBMClassifier": on(
            loans,
            lambda: make_pipeline(
                _encoded(
                    preprocessing.OrdinalEncoder(
                        handle_unknown="use_encoded_value", unknown_value=-1
                    )
                ),
                lightgbm.LGBMClassifier(n_estimators=60, verbose=-1),
            ),
        ),
        "target-encoded texts, HistGradientBoostingClassifier": on(
            loans,
            lambda: make_pipeline(
                _encoded(preprocessing.TargetEncoder(random_state=0)),
                ensemble.HistGradientBoostingClassifier(max_iter=30),
            ),
        ),
        "one-hot texts that refuses unknown ones, GradientBoostingClassifier": on(
            loans,
            lambda: make_pipeline(
                _encoded(preprocessing.OneHotEncoder(drop="first")),
                ensemble.GradientBoostingClassifier(n_estimators=30, random_state=0),
            ),
        ),
        "imputed, one-hot texts, ExtraTreesClassifier": on(
            loans,
            lambda: make_pipeline(
                _encoded(
                    make_pipeline(impute.SimpleImputer(strategy="most_frequent"), _one_hot()),
                    make_pipeline(impute.SimpleImputer(), preprocessing.MinMaxScaler(clip=True)),
                ),
                ensemble.ExtraTreesClassifier(30, max_depth=8, random_state=0),
            ),
        ),
        "RowsAsDicts, DictVectorizer, MaxAbsScaler, LogisticRegression": on(
            loans,
            lambda: make_pipeline(
                RowsAsDicts(),
                feature_extraction.DictVectorizer(),
                preprocessing.MaxAbsScaler(),
                logistic(max_iter=1000),
            ),
        ),
        "SelectKBest, RandomForestClassifier": on(
            cancer,
            lambda: make_pipeline(
                feature_selection.SelectKBest(k=10),
                ensemble.RandomForestClassifier(30, random_state=0),
            ),
        ),
        "scaled, PCA, LogisticRegression": on(
            cancer, lambda: make_pipeline(scaled(), decomposition.PCA(10), logistic())
        ),
        "one-hot texts, PCA, XGBClassifier": on(
            coded_loans,
            lambda: make_pipeline(
                _encoded(_one_hot(sparse_output=False), scaled()),
                decomposition.PCA(10),
                xgboost.XGBClassifier(n_estimators=30),
            ),
        ),
        "one-hot texts, binned numbers, LogisticRegression": on(
            loans,
            lambda: make_pipeline(
                _encoded(_one_hot(), preprocessing.KBinsDiscretizer(4, encode="onehot-dense")),
                logistic(max_iter=300),
            ),
        ),
        "a union of encoders, RandomForestClassifier": on(
            loans,
            lambda: make_pipeline(
                make_union(
                    compose.make_column_transformer((_one_hot(sparse_output=False), TEXTS)),
                    compose.make_column_transformer(("passthrough", ["age", "income", "amount"])),
                ),
                ensemble.RandomForestClassifier(30, max_depth=8, random_state=0),
            ),
        ),
        "words of a text, LogisticRegression": on(
            loans,
            lambda: make_pipeline(
                compose.make_column_transformer(
                    (feature_extraction.text.CountVectorizer(), "job"),
                    (preprocessing.StandardScaler(), ["age", "income"]),
                ),
                logistic(),
            ),
            native=True,
        ),
        "a transformer of one's own": on(
            cancer, lambda: make_pipeline(Doubler(), logistic()), native=True
        ),
        "a function of one's own": on(
            cancer,
            lambda: make_pipeline(preprocessing.FunctionTransformer(_log), logistic()),
            native=True,
        ),
    }


def _regressors() -> dict[str, Specimen]:
    def on(table: Callable[[], Table], make: Callable[[], Any], **more: Any) -> Specimen:
        return Specimen(make, table, ModelKind.REGRESSION, **more)

    scaled = preprocessing.StandardScaler
    simple: dict[str, Callable[[], Any]] = {
        "LinearRegression": linear_model.LinearRegression,
        "Ridge": linear_model.Ridge,
        "LassoCV": linear_model.LassoCV,
        "HuberRegressor": linear_model.HuberRegressor,
        "DecisionTreeRegressor": lambda: tree.DecisionTreeRegressor(max_depth=6, random_state=0),
        "RandomForestRegressor": _small(ensemble.RandomForestRegressor),
        "ExtraTreesRegressor": _small(ensemble.ExtraTreesRegressor),
        "GradientBoostingRegressor": _small(ensemble.GradientBoostingRegressor),
        "HistGradientBoostingRegressor": ensemble.HistGradientBoostingRegressor,
        "SVR": svm.SVR,
        "MLPRegressor": lambda: neural_network.MLPRegressor(
            hidden_layer_sizes=(20,), random_state=0
        ),
        "PolynomialFeatures, Ridge": lambda: make_pipeline(
            preprocessing.PolynomialFeatures(2), linear_model.Ridge()
        ),
        "XGBRegressor": _small(xgboost.XGBRegressor),
        "LGBMRegressor": _small(lightgbm.LGBMRegressor, verbose=-1),
    }
    return {
        **{name: on(diabetes, make) for name, make in simple.items()},
        **_quantiles(on),
        "KNeighborsRegressor": on(diabetes, neighbors.KNeighborsRegressor, native=True),
        "GaussianProcessRegressor": on(
            diabetes, lambda: gaussian_process.GaussianProcessRegressor(alpha=0.1), native=True
        ),
        "PoissonRegressor": on(counts, linear_model.PoissonRegressor),
        "HistGradientBoostingRegressor, poisson": on(
            counts, lambda: ensemble.HistGradientBoostingRegressor(loss="poisson")
        ),
        "XGBRegressor, poisson": on(
            counts, _small(xgboost.XGBRegressor, objective="count:poisson")
        ),
        "TransformedTargetRegressor": on(
            diabetes,
            lambda: compose.TransformedTargetRegressor(
                linear_model.Ridge(), func=np.log1p, inverse_func=np.expm1
            ),
            native=True,
        ),
        "one-hot texts, Ridge, conformal interval": on(
            prices,
            lambda: ConformalRegressor(
                make_pipeline(_encoded(_one_hot(), scaled()), linear_model.Ridge())
            ),
        ),
        "one-hot texts, GradientBoostingRegressor, conformal interval": on(
            prices,
            lambda: ConformalRegressor(
                make_pipeline(
                    _encoded(_one_hot(sparse_output=False)),
                    ensemble.GradientBoostingRegressor(n_estimators=30, random_state=0),
                )
            ),
        ),
    }


def _quantiles(on: Callable[..., Specimen]) -> dict[str, Specimen]:
    encoded = _encoded(_one_hot(sparse_output=False))
    makers: dict[str, tuple[Callable[[], Table], Any]] = {
        "GradientBoostingRegressor": (diabetes, _small(ensemble.GradientBoostingRegressor)()),
        "HistGradientBoostingRegressor": (
            diabetes,
            ensemble.HistGradientBoostingRegressor(max_iter=20),
        ),
        "LGBMRegressor": (diabetes, _small(lightgbm.LGBMRegressor, verbose=-1)()),
        "scaled QuantileRegressor": (
            diabetes,
            make_pipeline(preprocessing.StandardScaler(), linear_model.QuantileRegressor(alpha=0)),
        ),
        "one-hot texts, GradientBoostingRegressor": (
            prices,
            make_pipeline(encoded, _small(ensemble.GradientBoostingRegressor)()),
        ),
    }
    return {
        f"quantiles of {name}": on(table, partial(QuantileIntervalRegressor, estimator))
        for name, (table, estimator) in makers.items()
    }


def _effects() -> dict[str, Specimen]:
    def on(make: Callable[[], Any], **more: Any) -> Specimen:
        return Specimen(make, diabetes, ModelKind.CAUSAL, **more)

    return {
        "TLearner of LinearRegression": on(
            lambda: TLearner(linear_model.LinearRegression(), replicates=30)
        ),
        "TLearner of DecisionTreeRegressor": on(
            lambda: TLearner(tree.DecisionTreeRegressor(max_depth=4, random_state=0), replicates=10)
        ),
        "TLearner of scaled Ridge": on(
            lambda: TLearner(
                make_pipeline(preprocessing.StandardScaler(), linear_model.Ridge()), replicates=10
            )
        ),
    }


ZOO: dict[str, Specimen] = {**_classifiers(), **_regressors(), **_effects()}
