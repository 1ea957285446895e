from __future__ import annotations

from typing import Any

import numpy as np
import orjson
import pytest

from serving.runtime.protocols.model_metadata import model_metadata
from serving.runtime.protocols.open_inference import OPEN_INFERENCE
from serving.runtime.protocols.wire import WireRequest
from tests.serving.runtime.protocols.tiny_models import PERSON, answered, served

ZEROS: dict[str, Any] = {"FP64": 0.5, "INT64": 1, "BOOL": True, "BYTES": "own"}


def test_names_the_columns_and_what_is_answered() -> None:
    model = served("people")
    assert model_metadata(model, [served("points"), model]) == {
        "name": "people",
        "versions": ["7"],
        "platform": "mlflow_model",
        "inputs": [
            {"name": name, "datatype": datatype, "shape": [-1, 1]}
            for name, datatype in zip(PERSON, ["INT64", "FP64", "BYTES", "BOOL"], strict=True)
        ],
        "outputs": [
            {"name": "predictions", "datatype": "BYTES", "shape": [-1]},
            {"name": "probabilities", "datatype": "FP64", "shape": [-1, 2]},
        ],
    }


def test_a_plain_array_is_one_tensor() -> None:
    fields = model_metadata(served("points"), [served("points")])
    assert fields["inputs"] == [{"name": "input", "datatype": "FP64", "shape": [-1, 3]}]


@pytest.mark.parametrize(
    ("name", "outputs"),
    [
        ("one", {"predictions": "FP64"}),
        ("points", {"predictions": "FP64", "intervals": "FP64"}),
        ("sure", {"predictions": "BYTES"}),
        ("sign", {"predictions": "INT64"}),
    ],
)
def test_names_no_output_that_the_model_lacks(name: str, outputs: dict[str, str]) -> None:
    fields = model_metadata(served(name), [served(name)])
    assert {output["name"]: output["datatype"] for output in fields["outputs"]} == outputs


@pytest.mark.parametrize("name", ["people", "points", "effects", "one", "sure", "sign"])
def test_tensors_made_from_the_metadata_are_answered_as_it_says(name: str) -> None:
    model = served(name)
    fields = model_metadata(model, [model])
    inputs = [
        tensor | {"shape": shape, "data": [ZEROS[tensor["datatype"]]] * int(np.prod(shape))}
        for tensor in fields["inputs"]
        for shape in [[2, tensor["shape"][1]]]
    ]
    request = WireRequest(orjson.dumps({"inputs": inputs}))
    outputs = answered(OPEN_INFERENCE, request, model)["outputs"]
    assert len(outputs) == len(fields["outputs"]) == len(model.engine.output_names)
    for output, promised in zip(outputs, fields["outputs"], strict=True):
        assert output["name"] == promised["name"]
        assert output["datatype"] == promised["datatype"]
        assert output["shape"] == [2, *promised["shape"][1:]]
