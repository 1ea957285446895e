"""The gRPC messages of the Open Inference Protocol as rows, and outputs as its messages.

What a tensor holds is read in `serving.runtime.protocols.tensors`, which REST shares.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from serving.runtime.bad_input import BadInputError
from serving.runtime.engines.engine import Outputs
from serving.runtime.grpc import open_inference_pb2 as pb
from serving.runtime.protocols.output_tensors import OutputTensor, Wanted, output_tensors
from serving.runtime.protocols.tensors import (
    Tensor,
    datatype_of,
    rows_of,
    shape_of,
    tensor_of_bytes,
    tensor_of_values,
    text_of,
)
from serving.runtime.protocols.wire import Question

if TYPE_CHECKING:
    from serving.runtime.served_model import ServedModel

_CONTENTS: Mapping[str, str] = {
    "BOOL": "bool_contents",
    "INT8": "int_contents",
    "INT16": "int_contents",
    "INT32": "int_contents",
    "INT64": "int64_contents",
    "UINT8": "uint_contents",
    "UINT16": "uint_contents",
    "UINT32": "uint_contents",
    "UINT64": "uint64_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    "BYTES": "bytes_contents",
}


def read_request(request: pb.ModelInferRequest, model: ServedModel) -> Question:
    """Return the rows of the inputs, and which outputs are wanted; raw ones if inputs were raw."""
    raw = request.raw_input_contents
    if raw and len(raw) != len(request.inputs):
        words = f"send one entry for each of the {len(request.inputs)} inputs, not {len(raw)}"
        raise BadInputError("raw_input_contents", words)
    names = tuple(output.name for output in request.outputs)
    tensors = [
        _tensor(given, raw[index] if raw else None, f"inputs[{index}]")
        for index, given in enumerate(request.inputs)
    ]
    wanted = Wanted(request.id, names, raw=bool(raw))
    return Question(rows_of(tensors, model.signature, "inputs"), wanted)


def _tensor(given: pb.ModelInferRequest.InferInputTensor, raw: bytes | None, path: str) -> Tensor:
    datatype = datatype_of(given.datatype, path)
    shape = shape_of(tuple(given.shape), path)
    if raw is None:
        values = _contents(given, f"{path}.contents")
        return tensor_of_values(given.name, datatype, shape, values, f"{path}.contents")
    if given.HasField("contents"):
        raise BadInputError(f"{path}.contents", "send these or raw_input_contents, not both")
    return tensor_of_bytes(given.name, datatype, shape, raw, f"{path} (raw)")


def _contents(given: pb.ModelInferRequest.InferInputTensor, path: str) -> list[Any]:
    field = _CONTENTS.get(given.datatype)
    if field is None:
        raise BadInputError(path, f"send {given.datatype} in raw_input_contents")
    values = list(getattr(given.contents, field))
    if given.datatype == "BYTES":
        return [text_of(value, f"{path}[{index}]") for index, value in enumerate(values)]
    return values


def write_response(
    question: Question, outputs: Outputs, model: ServedModel
) -> pb.ModelInferResponse:
    """Return the wanted outputs as tensors."""
    wanted: Wanted = question.context
    response = pb.ModelInferResponse(
        model_name=model.identity.model_name,
        model_version=model.identity.model_version,
        id=wanted.id or "",
    )
    for tensor in output_tensors(outputs, wanted):
        described = response.outputs.add(
            name=tensor.name, datatype=tensor.datatype, shape=tensor.shape
        )
        if wanted.raw:
            response.raw_output_contents.append(tensor.raw())
        else:
            getattr(described.contents, _CONTENTS[tensor.datatype]).extend(_elements(tensor))
    return response


def _elements(tensor: OutputTensor) -> list[Any]:
    if tensor.datatype == "BYTES":
        return [str(text).encode() for text in tensor.flat]
    elements: list[Any] = tensor.flat.tolist()
    return elements


def metadata_response(fields: Mapping[str, Any]) -> pb.ModelMetadataResponse:
    """Return REST's metadata of a model as gRPC's."""
    inputs, outputs = (
        [pb.ModelMetadataResponse.TensorMetadata(**tensor) for tensor in fields[side]]
        for side in ("inputs", "outputs")
    )
    return pb.ModelMetadataResponse(
        name=fields["name"],
        versions=fields["versions"],
        platform=fields["platform"],
        inputs=inputs,
        outputs=outputs,
    )
