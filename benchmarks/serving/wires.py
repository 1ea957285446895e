"""How rows are asked over each protocol, and how an answer is read back to compare it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

GRPC_METHOD = "/inference.GRPCInferenceService/ModelInfer"
_DATATYPES = {"string": "BYTES", "long": "INT64", "double": "FP64"}
_DTYPES = {
    "FP64": np.float64,
    "FP32": np.float32,
    "INT64": np.int64,
    "INT32": np.int32,
    "BOOL": np.bool_,
}


@dataclass(frozen=True, slots=True)
class Batch:
    """The rows of one request, and what the estimator answers to them offline."""

    rows: list[Any]
    """Lists of numbers, or dictionaries where columns have names."""
    columns: tuple[tuple[str, str], ...]
    """Name and MLflow type; none for a matrix."""
    classes: list[Any]
    answers: np.ndarray
    """Probabilities; or prediction, low and high."""

    def disagreement(self, found: np.ndarray) -> str | None:
        """Say how an answer is wrong, or None.

        Right are all numbers, or else each row's prediction, within what float32 can hold.
        """
        found = np.asarray(found)
        if self.classes and found.ndim == 1:
            labels = np.asarray(self.classes)[self.answers.argmax(axis=1)]
            return None if labels.astype(str).tolist() == found.astype(str).tolist() else "labels"
        wanted = self.answers if found.ndim == 2 and found.shape[1] > 1 else self.answers[:, :1]
        if found.size != wanted.size:
            return f"{found.shape} numbers, not {wanted.shape}"
        differ = ~np.isclose(found.reshape(wanted.shape).astype(float), wanted, 1e-4, 1e-5)
        return f"{differ.any(axis=1).sum()} of {len(wanted)} rows differ" if differ.any() else None


@dataclass(frozen=True, slots=True)
class Message:
    """A body and the headers that it needs."""

    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Wire:
    """One protocol."""

    name: str
    path: str
    """`{model}` stands for the model's name; for gRPC, the method."""
    ask: Callable[[Batch, str], Message]
    read: Callable[[bytes, Mapping[str, str]], np.ndarray]
    """Takes a body and headers (lower case); raises for what is no answer."""

    @property
    def is_grpc(self) -> bool:
        """Whether it needs HTTP/2 and trailers."""
        return self.path == GRPC_METHOD


def _json(value: object) -> Message:
    return Message(json.dumps(value).encode(), {"content-type": "application/json"})


def _ask_input_data(batch: Batch, model: str) -> Message:
    return _json({"input_data": {"features": batch.rows}})


def _ask_instances(batch: Batch, model: str) -> Message:
    return _json({"instances": batch.rows})


def _ask_rows(batch: Batch, model: str) -> Message:
    return _json({"rows": batch.rows})


def _ask_invocations(batch: Batch, model: str) -> Message:
    if not batch.columns:
        return _json({"inputs": batch.rows})
    names = [name for name, _ in batch.columns]
    data = [[row[name] for name in names] for row in batch.rows]
    return _json({"dataframe_split": {"columns": names, "data": data}})


def _tensors(batch: Batch) -> list[dict[str, Any]]:
    count = len(batch.rows)
    if not batch.columns:
        shape, data = [count, len(batch.rows[0])], [cell for row in batch.rows for cell in row]
        return [{"name": "input", "shape": shape, "datatype": "FP64", "data": data}]
    return [
        {
            "name": name,
            "shape": [count, 1],
            "datatype": _DATATYPES[type_],
            "data": [row[name] for row in batch.rows],
        }
        | ({"parameters": {"content_type": "str"}} if type_ == "string" else {})
        for name, type_ in batch.columns
    ]


def _ask_v2(batch: Batch, model: str) -> Message:
    content = {"content_type": "pd" if batch.columns else "np"}
    return _json({"parameters": content, "inputs": _tensors(batch)})


def _raw(tensor: Mapping[str, Any]) -> bytes:
    if tensor["datatype"] == "BYTES":
        texts = [str(text).encode() for text in tensor["data"]]
        return b"".join(len(text).to_bytes(4, "little") + text for text in texts)
    return np.asarray(tensor["data"], _DTYPES[tensor["datatype"]]).tobytes()


def _ask_v2_binary(batch: Batch, model: str) -> Message:
    tensors = _tensors(batch)
    raws = [_raw(tensor) for tensor in tensors]
    inputs = [
        {key: tensor[key] for key in ("name", "shape", "datatype")}
        | {"parameters": {"binary_data_size": len(raw)}}
        for tensor, raw in zip(tensors, raws, strict=True)
    ]
    head = json.dumps({"parameters": {"binary_data_output": True}, "inputs": inputs}).encode()
    headers = {
        "content-type": "application/octet-stream",
        "inference-header-content-length": str(len(head)),
    }
    return Message(head + b"".join(raws), headers)


def _ask_grpc(batch: Batch, model: str) -> Message:
    from tritonclient.grpc import service_pb2

    request = service_pb2.ModelInferRequest(model_name=model)
    if batch.columns:
        request.parameters["content_type"].string_param = "pd"
    for tensor in _tensors(batch):
        sent = request.inputs.add(
            name=tensor["name"], datatype=tensor["datatype"], shape=tensor["shape"]
        )
        if tensor["datatype"] == "BYTES":
            sent.parameters["content_type"].string_param = "str"
        request.raw_input_contents.append(_raw(tensor))
    return Message(request.SerializeToString())


def _read_json(body: bytes, headers: Mapping[str, str]) -> np.ndarray:
    answer = json.loads(body)
    return _matrix(answer) if isinstance(answer, dict) else np.asarray(answer)


def _matrix(answer: Mapping[str, Any]) -> np.ndarray:
    """Find the most telling numbers: probabilities, intervals around predictions, predictions."""
    if "probabilities" in answer:
        return np.asarray(answer["probabilities"])
    predictions = np.asarray(_first(answer, ("predictions", "predict_proba", "predict")))
    if "intervals" in answer:
        return np.column_stack([predictions, answer["intervals"]])
    if predictions.dtype == object:  # a list of rows, each an object with its own answer
        return _matrix({key: [row[key] for row in predictions] for key in predictions[0]})
    return predictions


def _first(answer: Mapping[str, Any], names: Sequence[str]) -> Any:
    return next(answer[name] for name in names if name in answer)


def _read_v2(body: bytes, headers: Mapping[str, str]) -> np.ndarray:
    outputs = json.loads(body)["outputs"]
    return _matrix({o["name"]: np.asarray(o["data"]).reshape(o["shape"]) for o in outputs})


def _read_v2_binary(body: bytes, headers: Mapping[str, str]) -> np.ndarray:
    end = int(headers.get("inference-header-content-length", len(body)))
    found, rest = {}, body[end:]
    for output in json.loads(body[:end])["outputs"]:
        if "data" in output:
            found[output["name"]] = np.asarray(output["data"]).reshape(output["shape"])
            continue
        size = output["parameters"]["binary_data_size"]
        found[output["name"]], rest = _from_raw(rest[:size], output), rest[size:]
    return _matrix(found)


def _from_raw(raw: bytes, tensor: Mapping[str, Any]) -> np.ndarray:
    if tensor["datatype"] == "BYTES":
        return np.asarray(list(_texts(raw))).reshape(tensor["shape"])
    return np.frombuffer(raw, _DTYPES[tensor["datatype"]]).reshape(tensor["shape"])


def _texts(raw: bytes) -> Any:
    while raw:
        end = 4 + int.from_bytes(raw[:4], "little")
        yield raw[4:end].decode()
        raw = raw[end:]


def _read_grpc(body: bytes, headers: Mapping[str, str]) -> np.ndarray:
    from tritonclient.grpc import service_pb2

    answer, found = service_pb2.ModelInferResponse.FromString(body), {}
    for index, output in enumerate(answer.outputs):
        tensor = {"datatype": output.datatype, "shape": list(output.shape)}
        if answer.raw_output_contents:
            found[output.name] = _from_raw(answer.raw_output_contents[index], tensor)
        else:
            typed = [values for _, values in output.contents.ListFields()]
            found[output.name] = np.asarray(typed[0]).reshape(tensor["shape"])
    return _matrix(found)


WIRES: dict[str, Wire] = {
    wire.name: wire
    for wire in (
        Wire("predict", "/predict", _ask_input_data, _read_json),
        Wire("v1", "/v1/models/{model}:predict", _ask_instances, _read_json),
        Wire("v2", "/v2/models/{model}/infer", _ask_v2, _read_v2),
        Wire("v2-binary", "/v2/models/{model}/infer", _ask_v2_binary, _read_v2_binary),
        Wire("grpc", GRPC_METHOD, _ask_grpc, _read_grpc),
        Wire("invocations", "/invocations", _ask_invocations, _read_json),
        Wire("instances", "/predict", _ask_instances, _read_json),
        Wire("rows", "/predict", _ask_rows, _read_json),
    )
}
"""By name: Tiffin's protocols, and the two plain bodies of peers that leave it to their users."""
