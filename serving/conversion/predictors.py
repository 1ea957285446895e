"""The predictors that we can say in ONNX ourselves.

Each translation does what the estimator's own `predict` and `predict_proba` do, in their order
and in float64. What isn't listed here is left to skl2onnx (`foreign`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import lightgbm
import numpy as np
from sklearn import ensemble, linear_model, svm, tree

from serving.conversion.boosting import (
    boosted_classifier,
    boosted_regressor,
    hist_classifier,
    hist_regressor,
)
from serving.conversion.forests import forest_classifier, forest_regressor
from serving.conversion.graph import Graph, Matrix
from serving.conversion.labels import Labels
from serving.conversion.lightgbm_trees import lightgbm_classifier, lightgbm_regressor
from serving.conversion.linear import (
    linear_classifier,
    linear_regressor,
    log_linear_regressor,
    logistic_classifier,
)
from serving.conversion.untranslatable import UntranslatableError


def knows_classifier(estimator: Any) -> bool:
    """Whether we can say ourselves what it computes."""
    return type(estimator) in _CLASSIFIERS


def knows_regressor(estimator: Any) -> bool:
    """Whether we can say ourselves what it computes."""
    return type(estimator) in _REGRESSORS


def add_classifier(graph: Graph, matrix: Matrix, estimator: Any) -> Labels:
    """Add a fitted classifier that we know."""
    if len(estimator.classes_) < 2:
        raise UntranslatableError("the classifier has only seen one class")
    return _CLASSIFIERS[type(estimator)](graph, matrix, estimator)


def add_regressor(graph: Graph, matrix: Matrix, estimator: Any) -> str:
    """Add a fitted regressor that we know; its value has shape (rows, 1)."""
    if getattr(estimator, "n_outputs_", 1) != 1 or np.ndim(getattr(estimator, "coef_", [])) > 1:
        raise UntranslatableError("the regressor has several outputs")
    return _REGRESSORS[type(estimator)](graph, matrix, estimator)


def is_linear(estimator: Any) -> bool:
    """Whether its prediction is the columns times `coef_`, plus `intercept_`, and no more."""
    return type(estimator) in _LINEAR_REGRESSORS and np.ndim(estimator.coef_) == 1


_LINEAR_REGRESSORS = (
    linear_model.LinearRegression,
    linear_model.Ridge,
    linear_model.RidgeCV,
    linear_model.Lasso,
    linear_model.LassoCV,
    linear_model.ElasticNet,
    linear_model.ElasticNetCV,
    linear_model.BayesianRidge,
    linear_model.HuberRegressor,
    linear_model.QuantileRegressor,
    linear_model.SGDRegressor,
    svm.LinearSVR,
)

_REGRESSORS: dict[type, Callable[[Graph, Matrix, Any], str]] = {
    **dict.fromkeys(_LINEAR_REGRESSORS, linear_regressor),
    linear_model.PoissonRegressor: log_linear_regressor,
    linear_model.GammaRegressor: log_linear_regressor,
    tree.DecisionTreeRegressor: forest_regressor,
    tree.ExtraTreeRegressor: forest_regressor,
    ensemble.RandomForestRegressor: forest_regressor,
    ensemble.ExtraTreesRegressor: forest_regressor,
    ensemble.GradientBoostingRegressor: boosted_regressor,
    ensemble.HistGradientBoostingRegressor: hist_regressor,
    lightgbm.LGBMRegressor: lightgbm_regressor,
}

_CLASSIFIERS: dict[type, Callable[[Graph, Matrix, Any], Labels]] = {
    linear_model.LogisticRegression: logistic_classifier,
    linear_model.LogisticRegressionCV: logistic_classifier,
    linear_model.RidgeClassifier: linear_classifier,
    linear_model.RidgeClassifierCV: linear_classifier,
    linear_model.Perceptron: linear_classifier,
    svm.LinearSVC: linear_classifier,
    tree.DecisionTreeClassifier: forest_classifier,
    tree.ExtraTreeClassifier: forest_classifier,
    ensemble.RandomForestClassifier: forest_classifier,
    ensemble.ExtraTreesClassifier: forest_classifier,
    ensemble.GradientBoostingClassifier: boosted_classifier,
    ensemble.HistGradientBoostingClassifier: hist_classifier,
    lightgbm.LGBMClassifier: lightgbm_classifier,
}
