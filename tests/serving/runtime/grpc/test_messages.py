from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from google.protobuf.descriptor import Descriptor
from tritonclient.grpc import service_pb2

from serving.runtime.bad_input import BadInputError
from serving.runtime.grpc import open_inference_pb2 as pb
from serving.runtime.grpc.messages import read_request, write_response
from serving.runtime.protocols.tensors import DATATYPES
from tests.serving.runtime.protocols.tiny_models import served

Input = pb.ModelInferRequest.InferInputTensor
Contents = pb.InferTensorContents
FIELDS = {
    "BOOL": "bool_contents",
    **dict.fromkeys(("INT8", "INT16", "INT32"), "int_contents"),
    "INT64": "int64_contents",
    **dict.fromkeys(("UINT8", "UINT16", "UINT32"), "uint_contents"),
    "UINT64": "uint64_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    "BYTES": "bytes_contents",
}


def people() -> list[Any]:
    return [
        Input(name="age", datatype="INT64", shape=[1], contents=Contents(int64_contents=[30])),
        Input(name="income", datatype="FP32", shape=[1], contents=Contents(fp32_contents=[2.5])),
        Input(name="home", datatype="BYTES", shape=[1], contents=Contents(bytes_contents=[b"own"])),
        Input(name="married", datatype="BOOL", shape=[1], contents=Contents(bool_contents=[True])),
    ]


def test_reads_a_tensor_for_each_column() -> None:
    request = pb.ModelInferRequest(inputs=people())
    assert read_request(request, served("people")).rows.cells == [[30, 2.5, "own", True]]


@pytest.mark.parametrize("datatype", [name for name in FIELDS if name not in ("BOOL", "BYTES")])
def test_reads_numbers_of_each_datatype_from_its_field(datatype: str) -> None:
    contents = Contents(**{FIELDS[datatype]: [1, 2, 3]})
    tensor = Input(name="input", datatype=datatype, shape=[1, 3], contents=contents)
    request = pb.ModelInferRequest(inputs=[tensor])
    assert read_request(request, served("points")).rows.cells == [[1, 2, 3]]


@pytest.mark.parametrize("datatype", [name for name in DATATYPES if name not in ("BOOL", "BYTES")])
def test_reads_raw_numbers_of_each_datatype(datatype: str) -> None:
    tensor = Input(name="input", datatype=datatype, shape=[1, 3])
    raw = np.array([1, 2, 3], dtype=DATATYPES[datatype].raw).tobytes()
    request = pb.ModelInferRequest(inputs=[tensor], raw_input_contents=[raw])
    assert read_request(request, served("points")).rows.cells == [[1, 2, 3]]


def refused(request: pb.ModelInferRequest, model: str) -> str:
    with pytest.raises(BadInputError) as error:
        read_request(request, served(model))
    return str(error.value)


def test_says_what_is_wrong_with_a_tensor() -> None:
    inputs = people()
    inputs[2].contents.bytes_contents[0] = b"\xff"
    words = "inputs[2].contents[0]: a text must be UTF-8"
    assert refused(pb.ModelInferRequest(inputs=inputs), "people") == words
    half = Input(name="input", datatype="FP16", shape=[1, 3])
    words = "inputs[0].contents: send FP16 in raw_input_contents"
    assert refused(pb.ModelInferRequest(inputs=[half]), "points") == words
    few = Input(name="i", datatype="FP32", shape=[1, 3], contents=Contents(fp32_contents=[1]))
    words = "inputs[0].contents: the shape [1, 3] needs 3 values, not 1"
    assert refused(pb.ModelInferRequest(inputs=[few]), "points") == words
    small = Input(
        name="i", datatype="INT8", shape=[1, 3], contents=Contents(int_contents=[1, 2, 300])
    )
    assert "INT8 is a whole number" in refused(pb.ModelInferRequest(inputs=[small]), "points")


def test_raw_contents_are_for_all_inputs_or_for_none() -> None:
    words = "raw_input_contents: send one entry for each of the 4 inputs, not 1"
    request = pb.ModelInferRequest(inputs=people(), raw_input_contents=[b""])
    assert refused(request, "people") == words
    request = pb.ModelInferRequest(inputs=people(), raw_input_contents=[b""] * 4)
    assert refused(request, "people").startswith("inputs[0].contents: send these or raw")


def test_answers_in_typed_contents_what_was_asked_in_them() -> None:
    model = served("people")
    question = read_request(pb.ModelInferRequest(id="42", inputs=people()), model)
    response = write_response(question, model.answer_now(question.rows), model)
    assert (response.id, response.model_name, response.model_version) == ("42", "people", "7")
    predictions, probabilities = response.outputs
    assert predictions.contents.bytes_contents[0] in (b"good", b"bad")
    assert (probabilities.datatype, list(probabilities.shape)) == ("FP64", [1, 2])
    assert sum(probabilities.contents.fp64_contents) == pytest.approx(1)
    assert not response.raw_output_contents


def test_answers_raw_what_was_asked_raw() -> None:
    model = served("points")
    raw = np.array([1, 2, 3.5]).tobytes()
    tensor = Input(name="input", datatype="FP64", shape=[1, 3])
    request = pb.ModelInferRequest(inputs=[tensor], raw_input_contents=[raw])
    request.outputs.add(name="intervals")
    question = read_request(request, model)
    response = write_response(question, model.answer_now(question.rows), model)
    low, high = np.frombuffer(response.raw_output_contents[0]).tolist()
    assert high - low == 2
    assert [output.name for output in response.outputs] == ["intervals"]
    assert not response.outputs[0].HasField("contents")


@pytest.mark.parametrize(
    "name", [name for name in pb.DESCRIPTOR.message_types_by_name if hasattr(service_pb2, name)]
)
def test_the_messages_are_those_of_the_clients(name: str) -> None:
    ours, theirs = getattr(pb, name).DESCRIPTOR, getattr(service_pb2, name).DESCRIPTOR
    assert same_fields(ours, theirs)


def test_all_messages_are_known_to_the_clients() -> None:
    names = pb.DESCRIPTOR.message_types_by_name
    assert [name for name in names if not hasattr(service_pb2, name)] == []


def same_fields(ours: Descriptor, theirs: Descriptor) -> bool:
    """Whether each field of theirs is one of ours; the client may be older than the protocol."""
    for field in theirs.fields:
        mine = ours.fields_by_number[field.number]
        assert (mine.name, mine.type) == (field.name, field.type)
        if field.message_type is not None and field.message_type is not theirs:
            assert same_fields(mine.message_type, field.message_type)
    return True
