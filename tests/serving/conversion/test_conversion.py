"""The gate: what agrees is kept, what doesn't is not, and the report says which and why."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xgboost
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from serving.conversion.conversion import convert
from serving.conversion.foreign import add_foreign_predictor
from serving.conversion.graph import Graph, Matrix
from serving.conversion.samples import compared, samples_of
from serving.conversion.translation import Translation
from serving.runtime.engines.compiled import CompiledFiles, Plan, read_report
from serving.runtime.engines.encoder import INPUT, Encoding, Form
from serving.runtime.engines.native import NativeEngine
from serving.runtime.engines.onnx import OnnxEngine
from serving.runtime.identity import ModelKind
from serving.runtime.rows import Rows
from tests.serving.conversion.zoo import cancer, cells_of, diabetes, flowers, loaded, loans

CLASSIFICATION = ModelKind.CLASSIFICATION
TOLERANCE = 1e-5


def logistic() -> Any:
    return LogisticRegression(max_iter=10_000)


def naive_translation(model: Any, width: int) -> Translation:
    """Translate a whole pipeline as everybody does: by skl2onnx, from float32 on."""
    graph = Graph()
    matrix = Matrix.whole(graph.input(INPUT, "float64", width), width)
    outputs = add_foreign_predictor(graph, matrix, model, "float32")
    plan = Plan(Encoding(Form.MATRIX), tuple(outputs), tuple(model.classes_.tolist()))
    return Translation(graph.finished(outputs), plan)


def test_the_gate_finds_rows_that_labels_alone_would_not_show(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    features = random.normal(size=(4000, 6))
    scores = features @ random.normal(size=6) + random.normal(size=4000)
    model = make_pipeline(StandardScaler(), xgboost.XGBClassifier(n_estimators=50))
    model.fit(features, (scores > 0).astype(int))
    files = CompiledFiles(tmp_path)
    files.folder.mkdir()
    naive = naive_translation(model, 6)
    files.graph.write_bytes(naive.graph)
    naive.plan.write(files.plan)
    wrong, native = OnnxEngine(tmp_path), NativeEngine(loaded(model, features), CLASSIFICATION)
    rows = Rows(matrix=features)
    agreeing = wrong.outputs(rows)["predictions"] == native.outputs(rows)["predictions"]
    assert agreeing.mean() > 0.999
    sample = samples_of(native, loaded(model, features).signature, features.tolist())[0]
    assert compared(wrong, sample, labels=True, tolerance=TOLERANCE).disagreeing > 0

    report = convert(
        loaded(model, features), CLASSIFICATION, features.tolist(), TOLERANCE, tmp_path
    )
    assert report.engine == "onnxruntime", report.reason


def test_a_translation_that_disagrees_leaves_nothing_but_the_report(tmp_path: Path) -> None:
    features, truth = diabetes()
    model = loaded(LinearRegression().fit(features, truth), features)
    report = convert(model, ModelKind.REGRESSION, features.tolist(), 1e-18, tmp_path)
    assert report.engine == "native"
    assert "it disagrees with the model on" in report.reason
    assert report.compared["evaluation rows"].disagreeing > 0
    assert [file.name for file in CompiledFiles(tmp_path).folder.iterdir()] == ["report.json"]
    assert read_report(tmp_path) == json.loads(CompiledFiles(tmp_path).report.read_text())


def test_what_has_no_translation_is_told_by_name(tmp_path: Path) -> None:
    features, truth = cancer()
    model = loaded(KNeighborsClassifier().fit(features, truth), features)
    report = convert(model, CLASSIFICATION, features[:50].tolist(), TOLERANCE, tmp_path)
    assert report.engine == "native"
    assert "no translation of ours for KNeighborsClassifier" in report.reason
    assert report.compared == {}


def test_an_encoder_that_refuses_unknown_texts_refuses_them_compiled(tmp_path: Path) -> None:
    table, truth = loans()
    encoder = make_column_transformer(
        (OneHotEncoder(handle_unknown="error"), ["home", "job"]), ("passthrough", ["age"])
    )
    model = loaded(make_pipeline(encoder, logistic()).fit(table, truth), table)
    cells = cells_of(table.head(60))
    report = convert(model, CLASSIFICATION, cells, TOLERANCE, tmp_path)
    assert report.engine == "onnxruntime", report.reason
    home = list(table.columns).index("home")
    with pytest.raises(ValueError, match="has never seen 'castle' in home"):
        OnnxEngine(tmp_path).outputs(
            Rows(cells=[[*cells[0][:home], "castle", *cells[0][home + 1 :]]])
        )


def test_evaluation_rows_that_the_model_refuses_prove_nothing(tmp_path: Path) -> None:
    table, truth = loans()
    encoder = make_column_transformer((OneHotEncoder(), ["home", "job"]))
    model = loaded(make_pipeline(encoder, logistic()).fit(table, truth), table)
    home = list(table.columns).index("home")
    cells = [[*row[:home], "castle", *row[home + 1 :]] for row in cells_of(table.head(5))]
    report = convert(model, CLASSIFICATION, cells, TOLERANCE, tmp_path)
    assert (report.engine, report.reason) == (
        "native",
        "the model answers none of the evaluation rows",
    )


def test_an_older_translation_does_not_outlive_a_newer_trial(tmp_path: Path) -> None:
    features, truth = diabetes()
    model = loaded(LinearRegression().fit(features, truth), features)
    for tolerance, engine in ((TOLERANCE, "onnxruntime"), (1e-18, "native")):
        report = convert(model, ModelKind.REGRESSION, features.tolist(), tolerance, tmp_path)
        assert report.engine == engine
    assert not CompiledFiles(tmp_path).graph.exists()


PROGRAM = """
import sys
from pathlib import Path
from serving.conversion.conversion import convert
from serving.conversion.narrowing import Precision
from tests.serving.conversion.test_narrowing import scaled
from tests.serving.conversion.zoo import ZOO, loaded
estimator, features, kind = scaled()
LINEAR = (loaded(estimator, features), kind, features.tolist())
for name in sys.argv[2:]:
    model, cells = ZOO[name].fitted()
    convert(model, ZOO[name].kind, cells[:40], 1e-5, Path(sys.argv[1]) / name)
for precision in ("float32", "float16", "int8"):
    report = convert(*LINEAR, 0.01, Path(sys.argv[1]) / precision, Precision(precision))
    assert report.precision == precision, report.reason
"""
NAMES = (
    "LGBMClassifier, 3 classes, texts",
    "StackingClassifier",
    "one-hot texts, PCA, XGBClassifier",
    "one-hot texts, Ridge, conformal interval",
    "quantiles of GradientBoostingRegressor",
    "a function of one's own",
)


def test_two_processes_write_the_same_bytes_whatever_their_hashes(tmp_path: Path) -> None:
    written = []
    for seed in ("1", "2"):
        folder = tmp_path / seed
        command = [sys.executable, "-c", PROGRAM, str(folder), *NAMES]
        environment = {**os.environ, "PYTHONHASHSEED": seed, "OMP_NUM_THREADS": "1"}
        subprocess.run(command, env=environment, check=True, timeout=200, capture_output=True)
        files = sorted(file for file in folder.rglob("*") if file.is_file())
        written.append({file.relative_to(folder).as_posix(): file.read_bytes() for file in files})
    assert written[0] == written[1]
    assert sum(name.endswith(".onnx") for name in written[0]) == len(NAMES) - 1 + 3


def test_labels_keep_their_order_and_type(tmp_path: Path) -> None:
    features, truth = flowers()
    model = loaded(logistic().fit(features, truth), features)
    convert(model, CLASSIFICATION, features.tolist(), TOLERANCE, tmp_path)
    engine = OnnxEngine(tmp_path)
    assert engine.classes == ["setosa", "versicolor", "virginica"]
    (label,) = engine.outputs(Rows(cells=features[:1].tolist()))["predictions"].tolist()
    assert (type(label), label) == (str, "setosa")
