"""Fewer bits are kept where the answers allow it, and nowhere else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from serving.conversion.conversion import convert
from serving.conversion.narrowing import Precision, narrowed
from serving.conversion.report import Report
from serving.conversion.translation import translate
from serving.conversion.ways import Way
from serving.runtime.engines.compiled import CompiledFiles
from serving.runtime.engines.onnx import OnnxEngine
from serving.runtime.identity import ModelKind
from serving.runtime.rows import Rows
from tests.serving.conversion.zoo import ZOO, diabetes, loaded, wine

REGRESSION, CLASSIFICATION = ModelKind.REGRESSION, ModelKind.CLASSIFICATION
NARROW = [Precision.FLOAT32, Precision.FLOAT16, Precision.INT8]


def linear() -> tuple[Any, np.ndarray, ModelKind]:
    features, truth = diabetes()
    return LinearRegression().fit(features, truth), features, REGRESSION


def scaled() -> tuple[Any, np.ndarray, ModelKind]:
    features, truth = wine()
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01))
    return model.fit(features, truth), features, CLASSIFICATION


def compiled(made: tuple[Any, np.ndarray, ModelKind], out: Path, **wishes: Any) -> Report:
    model, features, kind = made
    wishes = {"tolerance": 1e-5, **wishes}
    return convert(loaded(model, features), kind, features.tolist(), out=out, **wishes)


def operators(folder: Path) -> set[str]:
    return {node.op_type for node in onnx.load(CompiledFiles(folder).graph).graph.node}


def types_of_weights(folder: Path) -> set[int]:
    return {weight.data_type for weight in onnx.load(CompiledFiles(folder).graph).graph.initializer}


def test_nobody_asked_so_everything_is_float64(tmp_path: Path) -> None:
    assert compiled(linear(), tmp_path).precision == "float64"
    assert types_of_weights(tmp_path) == {onnx.TensorProto.DOUBLE, onnx.TensorProto.INT64}


@pytest.mark.parametrize("precision", NARROW)
def test_fewer_bits_are_kept_where_every_row_is_within_the_tolerance(
    tmp_path: Path, precision: Precision
) -> None:
    report = compiled(scaled(), tmp_path, tolerance=0.01, precision=precision)
    assert report.precision == precision.value, report.reason
    assert f"{precision.value} was asked for, and agrees with the model on every" in report.reason
    worst = report.compared["evaluation rows"].worst_difference
    assert worst is not None
    assert 1e-12 < worst <= 0.01
    kept = {"float32": "FLOAT", "float16": "FLOAT16", "int8": "INT8"}[precision.value]
    assert onnx.TensorProto.DataType.Value(kept) in types_of_weights(tmp_path)
    assert onnx.TensorProto.DOUBLE not in types_of_weights(tmp_path)


@pytest.mark.parametrize("precision", [Precision.FLOAT16, Precision.INT8])
@pytest.mark.parametrize("made", [linear, scaled])
def test_fewer_bits_are_refused_where_a_row_is_beyond_it(
    tmp_path: Path, made: Any, precision: Precision
) -> None:
    report = compiled(made(), tmp_path, precision=precision)
    assert (report.engine, report.precision) == ("onnxruntime", "float64")
    assert f"{precision.value} was asked for, and disagrees with the model on" in report.reason
    assert report.reason.endswith("so it is not used")
    assert report.compared["evaluation rows"].worst_difference == 1e-12
    assert onnx.TensorProto.DOUBLE in types_of_weights(tmp_path)


def test_parts_of_others_are_narrowed_with_ours(tmp_path: Path) -> None:
    model, cells = ZOO["MLPRegressor"].fitted()
    report = convert(model, REGRESSION, cells, 1e-5, tmp_path, Precision.FLOAT32)
    assert "skl2onnx" in report.reason
    assert report.precision == "float32", report.reason


def test_trees_stay_as_they_are_and_the_report_says_so(tmp_path: Path) -> None:
    features, truth = diabetes()
    forest = RandomForestRegressor(5, random_state=0).fit(features, truth)
    report = compiled((forest, features, REGRESSION), tmp_path, precision=Precision.INT8)
    assert report.precision == "float64"
    assert "int8 was asked for, but trees are not narrowed, so it is not used" in report.reason
    assert operators(tmp_path) >= {"TreeEnsemble"}


@pytest.mark.parametrize("precision", NARROW)
def test_no_row_changes_the_answer_to_another_of_its_batch(
    tmp_path: Path, precision: Precision
) -> None:
    """Dynamic quantization would: 206.1 becomes 152.1 beside a row with 1e30."""
    model, features, kind = linear()
    files = CompiledFiles(tmp_path)
    files.folder.mkdir()
    translation = translate(loaded(model, features), kind, Way.OWN)
    files.graph.write_bytes(narrowed(translation.graph, precision))
    translation.plan.write(files.plan)
    engine = OnnxEngine(tmp_path)
    beside = features[:2].copy()
    beside[1, 0] = 1e30
    alone = engine.outputs(Rows(matrix=features[:1]))["predictions"][0]
    assert engine.outputs(Rows(matrix=beside))["predictions"][0] == pytest.approx(alone, rel=1e-6)


@pytest.mark.parametrize("precision", NARROW)
def test_the_same_graph_gives_the_same_bytes(precision: Precision) -> None:
    model, features, kind = scaled()
    graph = translate(loaded(model, features), kind, Way.OWN).graph
    assert narrowed(graph, precision) == narrowed(graph, precision)
    assert len(narrowed(graph, precision)) != len(graph)
