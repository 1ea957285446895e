"""The table of what compiles: every kind of model in the zoo, held against its original."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from serving.conversion.conversion import convert
from serving.runtime.engines.native import NativeEngine
from serving.runtime.engines.onnx import OnnxEngine
from serving.runtime.rows import Rows
from tests.serving.conversion.zoo import ZOO, Specimen

TOLERANCE = 1e-5


@pytest.mark.parametrize("specimen", ZOO.values(), ids=ZOO.keys())
def test_a_kind_of_model_compiles_or_is_known_not_to(specimen: Specimen, tmp_path: Path) -> None:
    model, cells = specimen.fitted()
    report = convert(model, specimen.kind, cells, TOLERANCE, tmp_path)
    assert report.engine == ("native" if specimen.native else "onnxruntime"), report.reason
    if specimen.native:
        return
    # Once more with nothing of the gate's own, so that the gate can't be what is wrong.
    rows = Rows(cells=cells)
    native, compiled = NativeEngine(model, specimen.kind), OnnxEngine(tmp_path)
    assert compiled.classes == native.classes
    expected, given = native.outputs(rows), compiled.outputs(rows)
    assert given.keys() == expected.keys()
    for name, values in expected.items():
        if values.dtype.kind == "f" and name != "predictions":
            np.testing.assert_allclose(given[name], values, rtol=TOLERANCE, atol=TOLERANCE)
            assert given[name].flags.c_contiguous
            assert given[name].dtype == np.float64
    assert _labels_or_near(given["predictions"], expected["predictions"])


def _labels_or_near(given: np.ndarray, expected: np.ndarray) -> bool:
    if expected.dtype.kind == "f":
        return np.allclose(given, expected, rtol=TOLERANCE, atol=1e-9)
    one, other = given.tolist(), expected.tolist()
    return one == other and [type(label) for label in one] == [type(label) for label in other]
