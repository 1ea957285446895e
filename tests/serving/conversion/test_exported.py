"""A graph that was logged as ONNX, such as a network exported from torch, is asked as ours are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from serving.conversion.conversion import convert
from serving.conversion.narrowing import Precision, narrowed
from serving.conversion.translation import translate
from serving.conversion.ways import Way
from serving.runtime.engines.compiled import CompiledFiles
from serving.runtime.engines.native import NativeEngine
from serving.runtime.engines.onnx import OnnxEngine
from serving.runtime.identity import ModelKind
from serving.runtime.model_files import load_model
from serving.runtime.offline_predict import read_rows
from serving.runtime.rows import Rows

pytestmark = pytest.mark.timeout(300)


@pytest.mark.parametrize("precision", [Precision.FLOAT64, Precision.FLOAT16])
def test_a_network_answers_as_logged_whatever_it_computes_in(
    flavors: Path, tmp_path: Path, precision: Precision
) -> None:
    model = load_model(flavors / "onnx-network")
    rows = read_rows(flavors / "data.csv", model.signature)
    report = convert(model, ModelKind.CLASSIFICATION, rows.cells, 0.01, tmp_path, precision)
    assert (report.engine, report.precision) == ("onnxruntime", precision.value), report.reason
    native = NativeEngine(model, ModelKind.CLASSIFICATION)
    engine = OnnxEngine(tmp_path)
    assert engine.classes == native.classes == list(range(30))
    expected, given = native.outputs(rows), engine.outputs(rows)
    assert list(given) == list(expected)
    assert given["predictions"].tolist() == expected["predictions"].tolist()
    np.testing.assert_allclose(given["probabilities"], expected["probabilities"], atol=0.01)
    assert given["probabilities"].dtype == np.float64


def test_no_row_changes_the_answer_to_another_of_its_batch(flavors: Path, tmp_path: Path) -> None:
    model, files = load_model(flavors / "onnx-network"), CompiledFiles(tmp_path)
    translation = translate(model, ModelKind.CLASSIFICATION, Way.OWN)
    files.folder.mkdir()
    files.graph.write_bytes(narrowed(translation.graph, Precision.INT8))
    translation.plan.write(files.plan)
    engine, random = OnnxEngine(tmp_path), np.random.default_rng(2)
    rows = random.normal(size=(2, 40))
    rows[1] *= 1e30
    alone, beside = (engine.outputs(Rows(matrix=rows[:count])) for count in (1, 2))
    np.testing.assert_allclose(
        beside["probabilities"][0], alone["probabilities"][0], rtol=1e-5, atol=1e-9
    )


@pytest.mark.parametrize(
    ("name", "kind", "sentence"),
    [
        ("onnx-words", ModelKind.CLASSIFICATION, "has labels, and is answered as it is"),
        ("onnx-columns", ModelKind.REGRESSION, "something else than one matrix"),
        ("onnx-network", ModelKind.REGRESSION, "is none for regression"),
    ],
)
def test_what_is_not_made_of_numbers_is_answered_as_it_is(
    flavors: Path, tmp_path: Path, name: str, kind: ModelKind, sentence: str
) -> None:
    model = load_model(flavors / name)
    rows: Rows = read_rows(flavors / "data.csv", model.signature)
    report = convert(model, kind, rows.cells, 1e-5, tmp_path)
    assert report.engine == "native"
    assert sentence in report.reason
