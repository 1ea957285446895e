"""What the Open Inference Protocol tells about a model's tensors, over REST and gRPC alike."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from serving.runtime.identity import ModelKind
from serving.runtime.protocols.output_tensors import Wanted, output_tensors
from serving.runtime.signature import InputSignature

if TYPE_CHECKING:
    from serving.runtime.served_model import ServedModel

_DATATYPES = {"float64": "FP64", "int64": "INT64", "bool": "BOOL", "object": "BYTES"}
_PLATFORMS = {"onnxruntime": "onnx_onnxv1"}
_LABELS: Mapping[type, str] = {str: "BYTES", int: "INT64", float: "FP64", bool: "BOOL"}


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """One tensor; -1 is the number of rows."""

    name: str
    datatype: str
    shape: tuple[int, ...]


def input_tensors(signature: InputSignature) -> tuple[TensorInfo, ...]:
    """Return one tensor for each named column, or one for all columns of a plain array."""
    if not signature.named:
        return (TensorInfo("input", "FP64", (-1, len(signature.names))),)
    return tuple(
        TensorInfo(column.name, _DATATYPES[column.type.dtype], (-1, 1))
        for column in signature.columns
    )


def outputs_of(model: ServedModel) -> tuple[TensorInfo, ...]:
    """Return what the model's engine answers, in that order."""
    classes = model.engine.classes
    known = {
        "predictions": TensorInfo("predictions", _datatype_of_predictions(model), (-1,)),
        "probabilities": TensorInfo("probabilities", "FP64", (-1, len(classes or ()) or -1)),
        "intervals": TensorInfo("intervals", "FP64", (-1, 2)),
    }
    return tuple(known[name] for name in model.engine.output_names)


def _datatype_of_predictions(model: ServedModel) -> str:
    """Return the datatype; that of labels that nobody named is what the example was answered."""
    if model.identity.kind is not ModelKind.CLASSIFICATION:
        return "FP64"
    classes = model.engine.classes
    if classes:
        return _LABELS.get(type(classes[0]), "BYTES")
    if model.first_answer is None:
        return "BYTES"
    return output_tensors(model.first_answer, Wanted(names=("predictions",)))[0].datatype


def model_metadata(model: ServedModel, loaded: Iterable[ServedModel]) -> dict[str, Any]:
    """Return what GET /v2/models/{name} answers; `loaded` are all models of the server."""
    name = model.identity.model_name
    siblings = (other.identity for other in loaded if other.identity.model_name == name)
    return {
        "name": name,
        "versions": [identity.model_version for identity in siblings],
        "platform": _PLATFORMS.get(model.engine.name, "mlflow_model"),
        "inputs": [_described(tensor) for tensor in input_tensors(model.signature)],
        "outputs": [_described(tensor) for tensor in outputs_of(model)],
    }


def _described(tensor: TensorInfo) -> dict[str, Any]:
    return {"name": tensor.name, "datatype": tensor.datatype, "shape": list(tensor.shape)}
