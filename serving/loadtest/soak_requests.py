"""What a soak asks: one row over every protocol, and now and then something that is wrong."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from serving.loadtest.open_loop import Ask, post
from serving.runtime.grpc import open_inference_pb2 as pb

_SHARES = {"predict": 16, "v1": 12, "v2": 12, "invocations": 8, "bad": 1, "unknown": 1}
"""How often each is asked, out of fifty."""
_CONTENTS = {"FP64": "fp64", "INT64": "int64", "BOOL": "bool", "BYTES": "bytes"}


@dataclass(frozen=True)
class Subject:
    """The server that is soaked, and what its model takes."""

    port: int
    model: str
    row: Mapping[str, Any] | Sequence[Any]
    """A row by column names, or in order."""
    inputs: Sequence[Mapping[str, Any]]
    """The input tensors, as `GET /v2/models/{model}` tells them."""
    headers: Mapping[str, str] = field(default_factory=dict)


def http_asks(subject: Subject) -> list[Ask]:
    """Return fifty requests, well mixed, each with the status that is right for it."""
    made = {
        "predict": _ask(subject, "/predict", {"input_data": {"features": [subject.row]}}),
        "v1": _ask(subject, f"/v1/models/{subject.model}:predict", {"instances": [subject.row]}),
        "v2": _ask(subject, f"/v2/models/{subject.model}/infer", {"inputs": _tensors(subject)}),
        "invocations": _ask(subject, "/invocations", _invocation(subject)),
        "bad": _ask(subject, "/predict", {"input_data": {"features": [[]]}}, status=400),
        "unknown": _ask(subject, "/v1/models/nobody:predict", {"instances": []}, status=404),
    }
    asks = [made[name] for name, share in _SHARES.items() for _ in range(share)]
    random.Random(0).shuffle(asks)
    return asks


def grpc_message(subject: Subject) -> pb.ModelInferRequest:
    """Return the same row as gRPC's message."""
    request = pb.ModelInferRequest(model_name=subject.model)
    for tensor in _tensors(subject):
        sent = request.inputs.add(name=tensor["name"], datatype=tensor["datatype"])
        sent.shape.extend(tensor["shape"])
        cells = tensor["data"]
        if tensor["datatype"] == "BYTES":
            cells = [str(cell).encode() for cell in cells]
        getattr(sent.contents, f"{_CONTENTS[tensor['datatype']]}_contents").extend(cells)
    return request


def half_a_request(subject: Subject) -> bytes:
    """Return the beginning of a request, as a client sends it that dies on the way."""
    whole = http_asks(subject)[0].wire
    return whole[: len(whole) - 10]


def _ask(subject: Subject, path: str, body: object, status: int = 200) -> Ask:
    wire = post(path, json.dumps(body).encode(), **subject.headers)
    return Ask(wire, status)


def _tensors(subject: Subject) -> list[dict[str, Any]]:
    row = subject.row
    if not isinstance(row, Mapping):
        (tensor,) = subject.inputs
        return [_tensor(tensor, list(row))]
    return [_tensor(tensor, [row[tensor["name"]]]) for tensor in subject.inputs]


def _tensor(described: Mapping[str, Any], cells: list[Any]) -> dict[str, Any]:
    named = {key: described[key] for key in ("name", "datatype")}
    return {**named, "shape": [1, len(cells)], "data": cells}


def _invocation(subject: Subject) -> dict[str, Any]:
    if isinstance(subject.row, Mapping):
        return {"dataframe_records": [subject.row]}
    return {"inputs": [subject.row]}
