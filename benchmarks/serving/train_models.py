"""Trains the models of the benchmark and writes them in every form that a server loads.

    python -m benchmarks.serving.train_models .bench/models forest xgboost

Per model one folder: `model.joblib`; `model.onnx` where skl2onnx converts it; `about.json`;
`rows.json` with rows to ask and what the estimator answers to them offline; `artifact` as Tiffin's
users log it, `compiled` the same with what Tiffin made of it; `store`, BentoML's store with both;
`mlflow` and `mlflow-onnx` as MLflow serves it.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.serving.peers.job import Job
from examples import datasets
from examples.recipes import RECIPES, TrainedModel

ROWS = 1600
"""Rows to ask: sixteen different bodies of a hundred."""
TOLERANCE = 1e-5
"""Within it Tiffin's compiled model has to agree, or it is not used."""
_COLUMN_TYPES = {"i": "long", "f": "double", "O": "string"}


@dataclass(frozen=True, slots=True)
class Trained:
    """A fitted estimator, rows that it was not fitted on, and what it answers."""

    estimator: Any
    table: Any
    """A matrix, or a DataFrame with named columns."""
    kind: str

    @property
    def rows(self) -> list[Any]:
        """The table as callers send it."""
        rows = self.table.to_dict("records") if self.columns else self.table.tolist()
        return list(rows)

    @property
    def columns(self) -> list[dict[str, str]]:
        """Name and MLflow type of each column; empty for a matrix."""
        dtypes = getattr(self.table, "dtypes", {})
        return [{"name": name, "type": _COLUMN_TYPES[d.kind]} for name, d in dict(dtypes).items()]


def forest() -> Trained:
    """100 trees of depth 12 over 20 numbers."""
    from sklearn.ensemble import RandomForestClassifier

    return _on_numbers(RandomForestClassifier(n_estimators=100, max_depth=12, random_state=0))


def xgboost() -> Trained:
    """100 boosted trees over the same numbers."""
    from xgboost import XGBClassifier

    return _on_numbers(XGBClassifier(n_estimators=100, max_depth=6, random_state=0, n_jobs=1))


def logistic() -> Trained:
    """Logistic regression over the same numbers."""
    from sklearn.linear_model import LogisticRegression

    return _on_numbers(LogisticRegression(max_iter=1000))


def _on_numbers(estimator: Any) -> Trained:
    from sklearn.datasets import make_classification

    x, y = make_classification(4000 + ROWS, n_features=20, n_informative=10, random_state=0)
    x = x.round(4)
    return Trained(estimator.fit(x[ROWS:], y[ROWS:]), x[:ROWS], "classification")


def strings() -> Trained:
    """Logistic regression over one-hot encoded texts and scaled numbers."""
    from sklearn.compose import make_column_selector, make_column_transformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    encoder = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), make_column_selector(dtype_include=object)),
        (StandardScaler(), make_column_selector(dtype_include="number")),
    )
    table = datasets.credit().sample(frac=1, random_state=0)
    features, truth = table[list(datasets.CREDIT_FEATURES)], table[datasets.CREDIT_TARGET]
    estimator = make_pipeline(encoder, LogisticRegression(max_iter=1000))
    estimator.fit(features[ROWS:], truth[ROWS:])
    return Trained(estimator, features[:ROWS], "classification")


def _example(name: str, recipe: str, kind: str) -> Trained:
    trained: TrainedModel = RECIPES[name][recipe]()
    table = trained.features.sample(ROWS, replace=True, random_state=0, ignore_index=True)
    return Trained(trained.estimator, table, kind)


MODELS: dict[str, Callable[[], Trained]] = {
    "forest": forest,
    "xgboost": xgboost,
    "logistic": logistic,
    "strings": strings,
    "credit-risk": lambda: _example("credit-risk", "v2", "classification"),
    "house-prices": lambda: _example("house-prices", "v2", "regression"),
    "job-training": lambda: _example("job-training", "v1", "causal"),
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Write what was asked for; writing twice gives the same models."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("models", nargs="+", choices=MODELS)
    asked = parser.parse_args(arguments)
    for name in asked.models:
        write(name, MODELS[name](), asked.folder.resolve() / name)


def write(name: str, trained: Trained, folder: Path) -> None:
    """Write all forms of a model; rows and answers come last, so they say that all is there."""
    import joblib

    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    joblib.dump(trained.estimator, folder / "model.joblib")
    _write_json(folder / "about.json", _about(name, trained))
    _write_mlflow(trained, folder)
    _write_compiled(trained, folder)
    _write_onnx(trained, folder / "model.onnx")
    answers = _answers(folder, "sklearn", trained.table)
    onnx_answers = _answers(folder, "onnx", trained.rows)
    np.testing.assert_allclose(onnx_answers, answers, rtol=1e-4, atol=1e-5)
    _write_json(folder / "rows.json", {"rows": trained.rows, "answers": answers.tolist()})
    print(f"trained {name}", file=sys.stderr, flush=True)


def _about(name: str, trained: Trained) -> dict[str, Any]:
    width = getattr(trained.estimator, "half_width_", None)
    classes = getattr(trained.estimator, "classes_", np.array([])).tolist()
    return {
        "name": name,
        "kind": trained.kind,
        "columns": trained.columns,
        "classes": classes,
        "half_width": width,
    }


def _write_json(file: Path, value: object) -> None:
    file.write_text(json.dumps(value), encoding="utf-8")


def _answers(folder: Path, engine: str, table: Any) -> np.ndarray:
    from benchmarks.serving.peers.model import load

    return load(Job(folder, engine, is_tuned=False, port=0))(table)


def _write_compiled(trained: Trained, folder: Path) -> None:
    """Compile as `tiffin` does when it builds a bento, and put both forms into a store."""
    from serving.conversion.conversion import convert
    from serving.runtime.identity import ModelKind
    from serving.runtime.model_files import load_model

    names = [column["name"] for column in trained.columns]
    cells = [[row[name] for name in names] if names else row for row in trained.rows]
    shutil.copytree(folder / "artifact", folder / "compiled")
    model = load_model(folder / "artifact")
    report = convert(model, ModelKind(trained.kind), cells[:500], TOLERANCE, folder / "compiled")
    print(f"compiling: {report.reason}", file=sys.stderr)
    _write_store(folder)


def _write_store(folder: Path) -> None:
    code = (
        "import bentoml, shutil, sys\n"
        "for tag, files in (('bench:onnx', 'compiled'), ('bench:sklearn', 'artifact')):\n"
        "    with bentoml.models.create(tag) as model:\n"
        "        shutil.copytree(f'{sys.argv[1]}/{files}', model.path, dirs_exist_ok=True)"
    )
    home = {"BENTOML_HOME": str(folder / "store"), "BENTOML_DO_NOT_TRACK": "True"}
    subprocess.run([sys.executable, "-c", code, str(folder)], check=True, env=os.environ | home)


def _write_onnx(trained: Trained, file: Path) -> None:
    """Convert what skl2onnx can convert; else every server gets the graph that Tiffin compiled."""
    from skl2onnx import to_onnx

    estimator = trained.estimator
    if trained.kind == "causal" or "dictvectorizer" in _steps(estimator):
        return
    if trained.kind == "regression":
        estimator = estimator.estimator_
    _know_xgboost()
    options = {id(estimator): {"zipmap": False}} if trained.kind == "classification" else None
    opsets = {"": 21, "ai.onnx.ml": 3}
    graph = to_onnx(estimator, initial_types=_inputs(trained), options=options, target_opset=opsets)
    file.write_bytes(graph.SerializeToString())


def _steps(estimator: Any) -> list[str]:
    return [name for name, _ in getattr(estimator, "steps", [])]


def _inputs(trained: Trained) -> list[tuple[str, Any]]:
    from skl2onnx.common.data_types import FloatTensorType, Int64TensorType, StringTensorType

    if not trained.columns:
        return [("input", FloatTensorType([None, trained.table.shape[1]]))]
    types = {"long": Int64TensorType, "double": FloatTensorType, "string": StringTensorType}
    return [(column["name"], types[column["type"]]([None, 1])) for column in trained.columns]


def _know_xgboost() -> None:
    from onnxmltools.convert.xgboost.operator_converters.XGBoost import convert_xgboost
    from skl2onnx import update_registered_converter
    from skl2onnx.common.shape_calculator import calculate_linear_classifier_output_shapes
    from xgboost import XGBClassifier

    update_registered_converter(
        XGBClassifier,
        "XGBClassifier",
        calculate_linear_classifier_output_shapes,
        convert_xgboost,
        options={"nocl": [True, False], "zipmap": [True, False, "columns"]},
    )


def _write_mlflow(trained: Trained, folder: Path) -> None:
    """Save as Tiffin's users do, and as MLflow's own server answers best."""
    import mlflow

    mlflow.sklearn.save_model(path=str(folder / "artifact"), **_logged(trained))
    if trained.kind == "classification":
        options = {**_logged(trained), "pyfunc_predict_fn": "predict_proba"}
        mlflow.sklearn.save_model(path=str(folder / "mlflow"), **options)
    else:
        _save_python_model(trained, folder / "mlflow", mlflow)
    _save_python_model(trained, folder / "mlflow-onnx", mlflow)


def _logged(trained: Trained) -> dict[str, Any]:
    import skops.io

    estimator = trained.estimator
    untrusted = skops.io.get_untrusted_types(data=skops.io.dumps(estimator))
    return {
        "sk_model": estimator,
        "signature": _signature(trained),
        "input_example": trained.table[:3],
        "pip_requirements": [],
        "serialization_format": "skops",
        "skops_trusted_types": sorted(untrusted),
    }


def _save_python_model(trained: Trained, place: Path, mlflow: Any) -> None:
    code = Path(__file__).with_name("peers") / "mlflow" / "python_model.py"
    mlflow.pyfunc.save_model(
        path=str(place),
        python_model=str(code),
        signature=_signature(trained),
        pip_requirements=[],
    )


def _signature(trained: Trained) -> Any:
    from mlflow.models import infer_signature

    return infer_signature(trained.table[:20], trained.estimator.predict(trained.table[:20]))


if __name__ == "__main__":
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "ERROR")
    warnings.simplefilter("ignore")
    main()
