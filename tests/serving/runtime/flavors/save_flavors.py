"""Saves a small model of each flavor as MLflow does, in a process of its own: MLflow is slow."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import Any

import lightgbm
import mlflow
import numpy as np
import onnx
import pandas as pd
import xgboost
from mlflow.models import infer_signature
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.linear_model import LogisticRegression, Ridge

RANDOM = np.random.default_rng(0)
X = pd.DataFrame(RANDOM.normal(size=(80, 40)), columns=[f"c{i}" for i in range(40)])
PAIR = X[["c0", "c1"]]
NUMBER = PAIR.c0 * 2 - PAIR.c1
CLASS = (NUMBER > 0).astype(int) + (NUMBER > 1)
WORD = CLASS.map({0: "bad", 1: "fair", 2: "good"})


class Doubled(mlflow.pyfunc.PythonModel):
    def predict(self, context: Any, model_input: Any, params: Any = None) -> Any:
        return pd.DataFrame({"answer": model_input["c0"] * 2})


def main(folder: Path) -> None:
    save_xgboost(folder)
    save_lightgbm(folder)
    save_onnx(folder)
    single = PAIR.astype("float32")
    mlflow.pyfunc.save_model(
        folder / "pyfunc",
        python_model=Doubled(),
        pip_requirements=[],
        signature=infer_signature(single, NUMBER),
        input_example=single.head(3),
    )


def save_xgboost(folder: Path) -> None:
    classifier = xgboost.XGBClassifier(n_estimators=4, max_depth=3).fit(PAIR, CLASS)
    regressor = xgboost.XGBRegressor(n_estimators=4, max_depth=3).fit(PAIR, NUMBER)
    booster = regressor.get_booster()
    for name, form, model in (
        ("xgboost-json", "json", classifier),
        ("xgboost-ubj", "ubj", regressor),
        ("xgboost-booster", "ubj", booster),
    ):
        options = {"model_format": form, **logged()}
        mlflow.xgboost.save_model(model, folder / name, **options)
        keep_answers(folder / name, model, xgboost.DMatrix(PAIR) if model is booster else PAIR)


def save_lightgbm(folder: Path) -> None:
    small = {"n_estimators": 4, "min_child_samples": 5, "verbose": -1}
    classifier = lightgbm.LGBMClassifier(**small).fit(PAIR, WORD)
    booster = lightgbm.LGBMRegressor(**small).fit(PAIR, NUMBER).booster_
    for name, form, model in (
        ("lightgbm-skops", "skops", classifier),
        ("lightgbm-pickle", "cloudpickle", classifier),
        ("lightgbm-booster", "skops", booster),
    ):
        options = {"serialization_format": form, **logged()}
        mlflow.lightgbm.save_model(model, folder / name, **options)
        keep_answers(folder / name, model, PAIR)


def save_onnx(folder: Path) -> None:
    words = LogisticRegression().fit(PAIR, WORD)
    numbers = LogisticRegression().fit(PAIR, CLASS)
    line = Ridge().fit(PAIR, NUMBER)
    single = PAIR.to_numpy(np.float32)
    columns = [(name, FloatTensorType([None, 1])) for name in PAIR]
    plain = {id(numbers): {"zipmap": False}}
    graphs = {
        "onnx-words": (to_onnx(words, single), words),
        "onnx-classes": (to_onnx(numbers, single, options=plain), numbers),
        "onnx-columns": (to_onnx(piped(line), initial_types=columns), line),
    }
    for name, (graph, model) in graphs.items():
        mlflow.onnx.save_model(graph, folder / name, **logged())
        keep_answers(folder / name, model, PAIR)
    shifted = LogisticRegression().fit(PAIR, CLASS + 1)
    graph = to_onnx(shifted, single, options={id(shifted): {"zipmap": False}})
    mlflow.onnx.save_model(graph, folder / "onnx-shifted", **logged())
    mlflow.onnx.save_model(network(), folder / "onnx-network", **logged(X))


def piped(model: Any) -> Any:
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import make_pipeline

    kept = ColumnTransformer([("kept", "passthrough", ["c0", "c1"])]).fit(PAIR)
    return make_pipeline(kept, model)


def network() -> onnx.ModelProto:
    """Softmax of a matrix that is large enough for a file of its own."""
    number, helper = onnx.TensorProto.FLOAT, onnx.helper
    weights = onnx.numpy_helper.from_array(np.eye(40, dtype=np.float32)[:, :30], "weights")
    nodes = [
        helper.make_node("MatMul", ["x", "weights"], ["scores"]),
        helper.make_node("Softmax", ["scores"], ["shares"], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info("x", number, ["rows", 40])],
        [helper.make_tensor_value_info("shares", number, ["rows", 30])],
        [weights],
    )
    opset = [helper.make_opsetid("", 17)]
    return helper.make_model(graph, opset_imports=opset, ir_version=9)


def logged(table: pd.DataFrame = PAIR) -> dict[str, Any]:
    return {
        "signature": infer_signature(table, NUMBER),
        "input_example": table.head(3),
        "pip_requirements": [],
    }


def keep_answers(artifact: Path, model: Any, table: Any) -> None:
    """Write what the model says of its example, and all rows, beside the artifact."""
    folder = artifact.parent
    X.assign(number=NUMBER, word=WORD, class_=CLASS).to_csv(folder / "data.csv", index=False)
    answers = {"predictions": np.asarray(model.predict(table))[:3]}
    if hasattr(model, "predict_proba"):
        answers["probabilities"] = model.predict_proba(table)[:3]
    pd.to_pickle(answers, folder / f"{artifact.name}.answers")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(Path(sys.argv[1]))
