"""The Open Inference Protocol (KServe's V2) over REST: `POST /v2/models/{name}/infer`.

With the binary extension: an input whose `parameters` have `binary_data_size` has its elements
after the JSON, which is then as long as the header Inference-Header-Content-Length says; outputs
asked for with `binary_data` go out the same way. Parameters that mean nothing here are ignored,
as the protocol wants, and so is `model_name`, which KServe's own client sends: the path names it.
What a tensor holds is read in `tensors`, which gRPC shares.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from serving.runtime.bad_input import BadInputError
from serving.runtime.engines.engine import Outputs
from serving.runtime.protocols.json_body import Fields, below, media_type, parse_json
from serving.runtime.protocols.output_tensors import OutputTensor, Wanted, output_tensors
from serving.runtime.protocols.tensors import (
    Tensor,
    datatype_of,
    rows_of,
    shape_of,
    tensor_of_bytes,
    tensor_of_values,
)
from serving.runtime.protocols.wire import (
    Question,
    UnsupportedMediaTypeError,
    WireAnswer,
    WireRequest,
    json_answer,
    to_json,
)

if TYPE_CHECKING:
    from serving.runtime.served_model import ServedModel

_HEADER_LENGTH = "inference-header-content-length"
_BINARY = "application/octet-stream"
_BODY = Fields("inputs", optional=("id", "parameters", "outputs", "model_name"))
_INPUT = Fields("name", "shape", "datatype", optional=("parameters", "data"))
_OUTPUT = Fields("name", optional=("parameters",))
_MEDIA_TYPES = ("", "application/json", _BINARY)


class OpenInference:
    """Reads and writes the bodies of V2's `/infer`."""

    name = "open-inference"
    headers: tuple[str, ...] = (_HEADER_LENGTH,)

    def read(self, request: WireRequest, model: ServedModel) -> Question:
        """Return the rows of the input tensors, and which outputs are wanted how."""
        given = request.content_type
        if given not in _MEDIA_TYPES and media_type(given) not in _MEDIA_TYPES:
            raise UnsupportedMediaTypeError(given, " or ".join(_MEDIA_TYPES[1:]))
        head, raw = _split(request)
        body = _BODY.of(parse_json(head))
        wanted = _wanted(body)
        return Question(rows_of(_tensors(body["inputs"], raw), model.signature, "inputs"), wanted)

    def write(self, question: Question, outputs: Outputs, model: ServedModel) -> WireAnswer:
        """Return the wanted outputs as tensors, raw ones after the JSON."""
        wanted: Wanted = question.context
        head, tail = _response(output_tensors(outputs, wanted), wanted, model)
        if not tail:
            return WireAnswer(200, to_json(head))
        json = to_json(head)
        length = ("Inference-Header-Content-Length", str(len(json)))
        return WireAnswer(200, b"".join((json, *tail)), _BINARY, (length,))

    def refuse(self, status: int, sentence: str, path: str = "") -> WireAnswer:
        """Return the one field of V2's errors."""
        return json_answer(status, {"error": f"{path}: {sentence}" if path else sentence})


OPEN_INFERENCE = OpenInference()


def _split(request: WireRequest) -> tuple[bytes | memoryview, memoryview]:
    """Return the JSON and the raw bytes after it."""
    given = request.headers.get(_HEADER_LENGTH)
    if given is None:
        return request.body, memoryview(b"")
    length = int(given) if given.isascii() and given.isdigit() and len(given) < 20 else 0
    if not 0 < length <= len(request.body):
        words = f"send the JSON's length in bytes, at most {len(request.body)}"
        raise BadInputError("Inference-Header-Content-Length", words)
    view = memoryview(request.body)
    return view[:length], view[length:]


def _tensors(inputs: object, raw: memoryview) -> list[Tensor]:
    if not isinstance(inputs, list):
        raise BadInputError("inputs", "send a list of tensors")
    tensors = []
    for index, given in enumerate(inputs):
        tensor, raw = _tensor(given, raw, f"inputs[{index}]")
        tensors.append(tensor)
    if raw:
        raise BadInputError("inputs", f"{len(raw)} raw bytes are left over after the last tensor")
    return tensors


def _tensor(given: object, raw: memoryview, path: str) -> tuple[Tensor, memoryview]:
    """Return one input and the raw bytes that are left for the next."""
    fields = _INPUT.of(given, path)
    name, data = fields["name"], fields.get("data")
    datatype, shape = datatype_of(fields["datatype"], path), shape_of(fields["shape"], path)
    if type(name) is not str:
        raise BadInputError(f"{path}.name", "send a text")
    size = _parameter(fields, "binary_data_size", path)
    if size is not None and data is None:
        part = _first(raw, size, path)
        return tensor_of_bytes(name, datatype, shape, part, path), raw[len(part) :]
    if size is not None or type(data) is not list:
        raise BadInputError(f"{path}.data", "send a list of values, or binary_data_size instead")
    return tensor_of_values(name, datatype, shape, data, f"{path}.data"), raw


def _first(raw: memoryview, size: object, path: str) -> memoryview:
    if type(size) is not int or not 0 <= size <= len(raw):
        words = f"send the size of the raw data; {len(raw)} bytes of it are left"
        raise BadInputError(f"{path}.parameters.binary_data_size", words)
    return raw[:size]


def _parameter(fields: Mapping[str, Any], name: str, path: str = "") -> Any:
    """Return one of the parameters of the object at `path`, or None."""
    parameters = fields.get("parameters")
    if parameters is None:
        return None
    if type(parameters) is not dict:
        raise BadInputError(below(path, "parameters"), "send an object")
    return parameters.get(name)


def _wanted(body: Mapping[str, Any]) -> Wanted:
    if len(body) == 1:
        return _ALL
    request_id, asked = body.get("id"), body.get("outputs")
    if request_id is not None and type(request_id) is not str:
        raise BadInputError("id", "send a text")
    if asked is not None and type(asked) is not list:
        raise BadInputError("outputs", "send a list of outputs")
    outputs = [_output(given, f"outputs[{index}]") for index, given in enumerate(asked or ())]
    raw = _flag(body, "binary_data_output")
    said = {name: flag for name, flag in outputs if flag is not None}
    return Wanted(request_id, tuple(name for name, _ in outputs), bool(raw), said)


def _output(given: object, path: str) -> tuple[str, bool | None]:
    fields = _OUTPUT.of(given, path)
    if type(fields["name"]) is not str:
        raise BadInputError(f"{path}.name", "send a text")
    return fields["name"], _flag(fields, "binary_data", path)


def _flag(fields: Mapping[str, Any], name: str, path: str = "") -> bool | None:
    flag = _parameter(fields, name, path)
    if flag is None or type(flag) is bool:
        return flag
    raise BadInputError(below(path, f"parameters.{name}"), "send true or false")


_ALL = Wanted()


def _response(
    tensors: list[OutputTensor], wanted: Wanted, model: ServedModel
) -> tuple[dict[str, Any], list[bytes]]:
    """Return the JSON of an answer and the raw bytes that come after it."""
    described: list[dict[str, Any]] = []
    tail: list[bytes] = []
    for tensor in tensors:
        fields: dict[str, Any] = {
            "name": tensor.name,
            "shape": tensor.shape,
            "datatype": tensor.datatype,
        }
        if wanted.raw_for(tensor.name):
            tail.append(tensor.raw())
            described.append(fields | {"parameters": {"binary_data_size": len(tail[-1])}})
        else:
            described.append(fields | {"data": tensor.flat})
    head = {
        "model_name": model.identity.model_name,
        "model_version": model.identity.model_version,
        "outputs": described,
    }
    return (head if wanted.id is None else {"id": wanted.id, **head}), tail


def server_live() -> dict[str, Any]:
    """Return what GET /v2/health/live answers."""
    return {"live": True}


def server_ready(*, ready: bool) -> dict[str, Any]:
    """Return what GET /v2/health/ready answers; a server that says not ready answers 503."""
    return {"ready": ready}


def model_ready(model: ServedModel, *, ready: bool) -> dict[str, Any]:
    """Return what GET /v2/models/{name}/ready answers; 503 when not ready."""
    return {"name": model.identity.model_name, "ready": ready}


def server_metadata(version: str) -> dict[str, Any]:
    """Return what GET /v2 answers."""
    return {"name": "tiffin", "version": version, "extensions": ["binary_tensor_data"]}
