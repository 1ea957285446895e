"""The Open Inference Protocol over gRPC: its messages, as bytes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from google.protobuf.message import DecodeError

from serving.client.exchange import Question
from serving.client.protocols.codec import Target
from serving.client.protocols.open_inference import fields_of
from serving.client.rows import Table
from serving.client.tensors import elements_of, in_rows
from serving.runtime.grpc import open_inference_pb2 as pb

_METHOD = "/inference.GRPCInferenceService/ModelInfer"


class GrpcOpenInference:
    """ModelInfer with raw tensors, which the server answers with raw ones."""

    def question(self, table: Table, target: Target) -> Question:
        """Return the message for the named model, or for the server's first."""
        tensors = table.tensors()
        message = pb.ModelInferRequest(
            model_name=target.model or "",
            model_version=target.version or "",
            inputs=[
                pb.ModelInferRequest.InferInputTensor(
                    name=tensor.name, datatype=tensor.datatype, shape=tensor.shape
                )
                for tensor in tensors
            ],
            raw_input_contents=[tensor.raw() for tensor in tensors],
        )
        return Question(_METHOD, message.SerializeToString())

    def fields(self, body: bytes, headers: Mapping[str, str]) -> dict[str, Any]:
        """Return the outputs that the model has."""
        try:
            message = pb.ModelInferResponse.FromString(body)
        except DecodeError:
            raise ValueError("the message is no ModelInferResponse") from None
        outputs = {
            output.name: in_rows(elements_of(output.datatype, output.shape, raw), output.shape)
            for output, raw in zip(message.outputs, message.raw_output_contents, strict=True)
        }
        return fields_of(outputs, message.model_name, message.model_version or None)
