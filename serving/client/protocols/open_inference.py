"""The Open Inference Protocol (V2) over REST, as JSON or with the binary extension."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import orjson

from serving.client.exchange import Question
from serving.client.protocols.codec import JSON, Target, model_of, to_json
from serving.client.rows import Table
from serving.client.tensors import Tensor, elements_of, in_rows

_LENGTH = "inference-header-content-length"
_OUTPUTS = ("predictions", "probabilities", "intervals")


def path_of(target: Target) -> str:
    """Return where that model, or that version of it, is asked."""
    version = f"/versions/{quote(target.version, safe='')}" if target.version else ""
    return f"/v2/models/{quote(model_of(target), safe='')}{version}/infer"


def _described(tensor: Tensor) -> dict[str, Any]:
    return {"name": tensor.name, "shape": tensor.shape, "datatype": tensor.datatype}


class OpenInference:
    """Tensors as JSON."""

    def question(self, table: Table, target: Target) -> Question:
        """Return one tensor for all columns, or one for each named column."""
        inputs = [_described(tensor) | {"data": tensor.values} for tensor in table.tensors()]
        return Question(path_of(target), to_json({"inputs": inputs}), JSON)

    def fields(self, body: bytes, headers: Mapping[str, str]) -> dict[str, Any]:
        """Return the outputs that the model has."""
        return _fields(body, headers)


class BinaryOpenInference:
    """Tensors as raw bytes after the JSON that describes them."""

    def question(self, table: Table, target: Target) -> Question:
        """Return the same tensors; the answer is wanted raw, too."""
        tensors = table.tensors()
        raw = [tensor.raw() for tensor in tensors]
        inputs = [
            _described(tensor) | {"parameters": {"binary_data_size": len(part)}}
            for tensor, part in zip(tensors, raw, strict=True)
        ]
        head = to_json({"inputs": inputs, "parameters": {"binary_data_output": True}})
        headers = {"content-type": "application/octet-stream", _LENGTH: str(len(head))}
        return Question(path_of(target), b"".join((head, *raw)), headers)

    def fields(self, body: bytes, headers: Mapping[str, str]) -> dict[str, Any]:
        """Return the outputs that the model has."""
        return _fields(body, headers)


def _fields(body: bytes, headers: Mapping[str, str]) -> dict[str, Any]:
    length = int(headers.get(_LENGTH, len(body)))
    head, tail = orjson.loads(body[:length]), memoryview(body)[length:]
    outputs = {}
    for output in head["outputs"]:
        elements, tail = _elements(output, tail)
        outputs[output["name"]] = in_rows(elements, output["shape"])
    return fields_of(outputs, head["model_name"], head.get("model_version"))


def _elements(output: Mapping[str, Any], tail: memoryview) -> tuple[Sequence[Any], memoryview]:
    if "data" in output:
        return output["data"], tail
    size = output["parameters"]["binary_data_size"]
    return elements_of(output["datatype"], output["shape"], tail[:size]), tail[size:]


def fields_of(outputs: Mapping[str, Any], model: str, version: str | None) -> dict[str, Any]:
    """Return the fields of a Prediction; KeyError without predictions."""
    known = {name: outputs[name] for name in _OUTPUTS if name in outputs}
    return {"predictions": outputs["predictions"], **known} | {
        "model_name": model,
        "model_version": version,
    }
