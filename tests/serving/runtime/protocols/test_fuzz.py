"""Whatever is sent, a reader returns the rows that were sent or raises BadInputError."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from serving.runtime.bad_input import BadInputError
from serving.runtime.protocols.input_data import INPUT_DATA
from serving.runtime.protocols.invocations import INVOCATIONS
from serving.runtime.protocols.kserve_v1 import KSERVE_V1
from serving.runtime.protocols.open_inference import OPEN_INFERENCE
from serving.runtime.protocols.wire import WireRequest
from tests.serving.runtime.protocols.tiny_models import PERSON, served

PROTOCOLS = (INPUT_DATA, KSERVE_V1, OPEN_INFERENCE, INVOCATIONS)
TYPES = ("", "application/json", "application/octet-stream", "text/csv", "text/plain; charset=x")
WORDS = (
    *("input_data", "features", "model_type", "instances", "inputs", "signature_name", "id"),
    *("outputs", "parameters", "name", "shape", "datatype", "data", "binary_data_size"),
    *("binary_data", "binary_data_output", "dataframe_split", "dataframe_records", "columns"),
    *("index", "params", *PERSON, "a", "FP32", "INT64", "BYTES", "BOOL", "UINT8", "FP16"),
)

leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-3, 5)
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(WORDS)
)
names = st.sampled_from(WORDS) | st.text(max_size=3)
anything = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4),
    max_leaves=25,
)
people = st.lists(st.sampled_from([PERSON, list(PERSON.values())]) | anything, max_size=3)
tensors = st.lists(
    st.fixed_dictionaries(
        {
            "name": st.sampled_from([*PERSON, "input"]) | anything,
            "shape": st.lists(st.integers(-1, 4), max_size=3) | anything,
            "datatype": st.sampled_from(["FP32", "FP64", "INT8", "INT64", "BOOL", "BYTES"])
            | anything,
        },
        optional={
            "data": st.lists(leaves, max_size=6) | anything,
            "parameters": st.fixed_dictionaries({"binary_data_size": st.integers(-1, 40)})
            | anything,
        },
    ),
    max_size=4,
)
frames = st.fixed_dictionaries(
    {"data": people}, optional={"columns": st.permutations([*PERSON]) | anything, "index": anything}
)
bodies = (
    anything
    | st.fixed_dictionaries({"input_data": st.fixed_dictionaries({"features": people})})
    | st.fixed_dictionaries({"instances": people})
    | st.fixed_dictionaries({"inputs": people | tensors})
    | st.fixed_dictionaries({"inputs": st.dictionaries(names, st.lists(leaves) | leaves)})
    | st.fixed_dictionaries({"inputs": tensors}, optional={"outputs": anything, "id": anything})
    | st.fixed_dictionaries({"dataframe_split": frames})
    | st.fixed_dictionaries({"dataframe_records": people})
)
patient = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


def outcome(protocol: Any, request: WireRequest, model: Any) -> Any:
    """Return the rows, or None when they are refused with a sentence that can be sent."""
    try:
        return protocol.read(request, model).rows
    except BadInputError as error:
        refused = error
    answer = protocol.refuse(400, refused.sentence, refused.path)
    assert refused.sentence
    assert len(answer.body) < 2000
    return None


@pytest.mark.parametrize("protocol", PROTOCOLS, ids=lambda protocol: protocol.name)
@patient
@given(
    body=bodies,
    tail=st.binary(max_size=40),
    header=st.none() | st.integers(-2, 200) | st.text(max_size=4),
    kind=st.sampled_from(TYPES),
    model=st.sampled_from(["people", "points", "one"]),
)
def test_any_json_is_read_or_refused(
    protocol: Any, body: Any, tail: bytes, header: Any, kind: str, model: str
) -> None:
    raw = json.dumps(body).encode()
    for length in (header, len(raw)):
        headers = {} if length is None else {"inference-header-content-length": str(length)}
        request = WireRequest(raw + (tail if headers else b""), kind, headers)
        rows = outcome(protocol, request, served(model))
        if rows is not None:
            assert_fits(rows, served(model))


def assert_fits(rows: Any, model: Any) -> None:
    assert rows.count >= 1
    for cells in rows.cells:
        for column, cell in zip(model.signature.columns, cells, strict=True):
            assert column.type.holds(cell)


@pytest.mark.parametrize("protocol", PROTOCOLS, ids=lambda protocol: protocol.name)
@patient
@given(body=st.binary(max_size=200), kind=st.sampled_from(TYPES))
def test_any_bytes_are_read_or_refused(protocol: Any, body: bytes, kind: str) -> None:
    for model in ("people", "points", "one"):
        outcome(protocol, WireRequest(body, kind), served(model))


numbers = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**53), 2**53)
points = st.lists(st.lists(numbers, min_size=3, max_size=3), min_size=1, max_size=4)


@patient
@given(rows=points)
def test_what_was_sent_is_what_is_read(rows: list[list[float]]) -> None:
    flat = [cell for row in rows for cell in row]
    tensor = {"name": "input", "shape": [len(rows), 3], "datatype": "FP64", "data": flat}
    csv = "\n".join(["x,y,z", *(",".join(map(repr, row)) for row in rows)])
    sent = [
        (INPUT_DATA, WireRequest(json.dumps({"input_data": {"features": rows}}).encode())),
        (KSERVE_V1, WireRequest(json.dumps({"instances": rows}).encode())),
        (OPEN_INFERENCE, WireRequest(json.dumps({"inputs": [tensor]}).encode())),
        (OPEN_INFERENCE, WireRequest(json.dumps({"inputs": [tensor | {"data": rows}]}).encode())),
        (INVOCATIONS, WireRequest(json.dumps({"inputs": rows}).encode())),
        (INVOCATIONS, WireRequest(json.dumps({"dataframe_split": {"data": rows}}).encode())),
        (INVOCATIONS, WireRequest(csv.encode(), "text/csv")),
    ]
    for protocol, request in sent:
        assert protocol.read(request, served("points")).rows.cells == rows


@patient
@given(
    values=st.sampled_from(["<f2", "<f4", "<f8", "<i1", "<i2", "<i4", "<i8", "<u1", "<u8"]).flatmap(
        lambda dtype: st.tuples(st.just(dtype), st.binary(min_size=24, max_size=24))
    )
)
def test_raw_numbers_are_read_as_they_are(values: tuple[str, bytes]) -> None:
    names = {"f": "FP", "i": "INT", "u": "UINT"}
    dtype = np.dtype(values[0])
    raw = values[1][: 3 * dtype.itemsize]
    sent = np.frombuffer(raw, dtype)
    tensor = {
        "name": "input",
        "shape": [1, 3],
        "datatype": f"{names[dtype.kind]}{dtype.itemsize * 8}",
        "parameters": {"binary_data_size": len(raw)},
    }
    head = json.dumps({"inputs": [tensor]}).encode()
    headers = {"inference-header-content-length": str(len(head))}
    rows = outcome(OPEN_INFERENCE, WireRequest(head + raw, "", headers), served("points"))
    if all(map(math.isfinite, sent.tolist())):
        assert rows.cells == [sent.tolist()]
    else:
        assert rows is None


@patient
@given(home=st.text(), age=st.integers(-(2**63), 2**63 - 1))
def test_texts_and_whole_numbers_are_read_as_they_are(home: str, age: int) -> None:
    wanted = [[age, 2.5, home, True]]
    model = served("people")
    row = PERSON | {"age": age, "home": home}
    encoded = home.encode()
    raw = np.int64(age).tobytes() + np.float64(2.5).tobytes()
    raw += len(encoded).to_bytes(4, "little") + encoded + b"\x01"
    sizes = {"age": 8, "income": 8, "home": 4 + len(encoded), "married": 1}
    kinds = {"age": "INT64", "income": "FP64", "home": "BYTES", "married": "BOOL"}
    inputs = [
        {"name": name, "shape": [1, 1], "datatype": kinds[name], "data": [row[name]]}
        for name in PERSON
    ]
    binary = [
        {"name": name, "shape": [1], "datatype": kinds[name]}
        | {"parameters": {"binary_data_size": sizes[name]}}
        for name in PERSON
    ]
    head = json.dumps({"inputs": binary}).encode()
    header = {"inference-header-content-length": str(len(head))}
    sent = [
        (INPUT_DATA, WireRequest(json.dumps({"input_data": {"features": [row]}}).encode())),
        (KSERVE_V1, WireRequest(json.dumps({"instances": [list(row.values())]}).encode())),
        (KSERVE_V1, WireRequest(json.dumps({"inputs": {k: [v] for k, v in row.items()}}).encode())),
        (OPEN_INFERENCE, WireRequest(json.dumps({"inputs": inputs}).encode())),
        (OPEN_INFERENCE, WireRequest(head + raw, "application/octet-stream", header)),
        (INVOCATIONS, WireRequest(json.dumps({"dataframe_records": [row]}).encode())),
        (INVOCATIONS, WireRequest(json.dumps({"inputs": row}).encode())),
    ]
    for protocol, request in sent:
        assert protocol.read(request, model).rows.cells == wanted
