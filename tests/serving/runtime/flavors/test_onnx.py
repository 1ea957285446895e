from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml

from serving.runtime.engines.native import NativeEngine
from serving.runtime.identity import ModelKind
from serving.runtime.model_files import load_model

pytestmark = pytest.mark.timeout(300)


def test_a_network_of_probabilities_answers_with_the_most_probable_class(flavors: Path) -> None:
    model = load_model(flavors / "onnx-network")
    engine = NativeEngine(model, ModelKind.CLASSIFICATION)
    assert model.example is not None
    outputs = engine.outputs(model.example)
    assert engine.classes == list(range(30))
    assert outputs["predictions"].tolist() == model.example.matrix[:, :30].argmax(axis=1).tolist()
    np.testing.assert_allclose(outputs["probabilities"].sum(axis=1), 1, rtol=1e-6)


def test_classes_that_the_graph_does_not_name_are_not_guessed(flavors: Path) -> None:
    model = load_model(flavors / "onnx-shifted")
    assert model.example is not None
    with pytest.raises(ValueError, match="does not name; export it with zipmap"):
        NativeEngine(model, ModelKind.CLASSIFICATION).outputs(model.example)


@pytest.mark.parametrize(("name", "columns", "sentence"), [
    ("onnx-words", ["c0", "c1", "c2"], "the signature has 3 columns"),
    ("onnx-columns", ["c0", "c2"], "reads c1, which the signature lacks"),
])  # fmt: skip
def test_a_signature_of_another_model_is_refused(
    flavors: Path, tmp_path: Path, name: str, columns: list[str], sentence: str
) -> None:
    copy = shutil.copytree(flavors / name, tmp_path / "model")
    description = yaml.safe_load((copy / "MLmodel").read_text())
    inputs = [{"type": "double", "name": column} for column in columns]
    description["signature"]["inputs"] = json.dumps(inputs)
    del description["saved_input_example_info"]
    (copy / "MLmodel").write_text(yaml.safe_dump(description))
    with pytest.raises(ValueError, match=sentence):
        load_model(copy)
