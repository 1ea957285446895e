"""Small model files as data scientists have them, and samples that go with them."""

from __future__ import annotations

import pickle
import warnings
from pathlib import Path

import joblib
import lightgbm
import numpy as np
import pandas as pd
import skops.io
import xgboost
from skl2onnx import to_onnx
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

_RANDOM = np.random.default_rng(0)
ROWS = 120
TABLE = pd.DataFrame(
    {
        "tenure": _RANDOM.integers(1, 60, ROWS),
        "plan": _RANDOM.choice(["basic", "plus"], ROWS),
        "monthly": _RANDOM.uniform(10, 90, ROWS).round(2),
    }
)
LEFT = (TABLE.monthly + _RANDOM.normal(0, 20, ROWS) > TABLE.tenure + 10).astype(int)
CHURNED = LEFT.map({0: "no", 1: "yes"})
NUMBERS = TABLE[["tenure", "monthly"]]


def churn_model() -> object:
    encoder = make_column_transformer((OneHotEncoder(), ["plan"]), remainder="passthrough")
    return make_pipeline(encoder, LogisticRegression(max_iter=1000)).fit(TABLE, CHURNED)


def write_samples(folder: Path) -> None:
    TABLE.assign(churned=CHURNED).to_csv(folder / "sample.csv", index=False)
    NUMBERS.assign(left=LEFT).to_csv(folder / "numbers.csv", index=False)


def write_models(folder: Path) -> None:
    """Write one file of each form, some of them under names that tell nothing."""
    model = churn_model()
    (folder / "churn.pkl").write_bytes(pickle.dumps(model))
    joblib.dump(model, folder / "churn.joblib", compress=3)
    skops.io.dump(model, folder / "churn.skops")
    joblib.dump(RandomForestClassifier(3).fit(NUMBERS.to_numpy(), LEFT), folder / "forest.bin")
    (folder / "scaler.pkl").write_bytes(pickle.dumps(StandardScaler().fit(NUMBERS)))
    (folder / "pieces.pkl").write_bytes(pickle.dumps({"model": model}))
    (folder / "ridge.pkl").write_bytes(pickle.dumps(Ridge().fit(NUMBERS, LEFT)))
    write_boosters(folder)
    graph = to_onnx(LogisticRegression().fit(NUMBERS, LEFT), NUMBERS.to_numpy(np.float32))
    (folder / "graph.model").write_bytes(graph.SerializeToString())


def write_boosters(folder: Path) -> None:
    trees = xgboost.XGBClassifier(n_estimators=3, max_depth=2).fit(NUMBERS, LEFT)
    trees.save_model(folder / "trees.json")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # without an ending XGBoost asks to be told the format
        trees.get_booster().save_model(folder / "trees.ubj")
    xgboost.XGBRegressor(n_estimators=3).fit(NUMBERS, LEFT).save_model(folder / "values.ubj")
    small = {"n_estimators": 3, "min_child_samples": 5, "verbose": -1}
    classifier = lightgbm.LGBMClassifier(**small).fit(NUMBERS, LEFT)
    classifier.booster_.save_model(folder / "light.txt")
    joblib.dump(classifier, folder / "light.joblib")
