"""Asks a server with KServe's own clients; runs in an environment that has them.

python kserve_asks.py 127.0.0.1:3001 MODEL < question.json

`question.json` has `row` (by column names) and `inputs` (the tensors of the model's metadata). What
was answered goes to standard output, as one JSON object.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import grpc
import httpx
import numpy as np
from kserve import InferenceGRPCClient, InferenceRESTClient, InferInput, InferRequest
from kserve.inference_client import RESTConfig

DTYPES = {"INT64": np.int64, "FP64": np.float64, "BOOL": np.bool_, "BYTES": np.object_}


async def ask(address: str, model: str, row: dict[str, Any], inputs: list[Any]) -> dict[str, Any]:
    v1 = InferenceRESTClient(RESTConfig(protocol="v1"))
    v2 = InferenceRESTClient(RESTConfig(protocol="v2"))
    url = f"http://{address}"

    def question(*, is_binary: bool) -> InferRequest:
        tensors = [tensor(described, row, is_binary) for described in inputs]
        return InferRequest(model_name=model, infer_inputs=tensors, request_id="a-request")

    async with InferenceGRPCClient(address) as remote:
        return {
            "v1": {
                "live": await outcome(v1.is_server_live(url)),
                "model ready": await outcome(v1.is_model_ready(url, model)),
                "unknown model ready": await outcome(v1.is_model_ready(url, "nobody")),
                "infer": await outcome(v1.infer(url, {"instances": [row]}, model)),
                "bad": await outcome(v1.infer(url, {"instances": [{}]}, model)),
            },
            "v2": {
                "live": await outcome(v2.is_server_live(url)),
                "ready": await outcome(v2.is_server_ready(url)),
                "model ready": await outcome(v2.is_model_ready(url, model)),
                "unknown model ready": await outcome(v2.is_model_ready(url, "nobody")),
                "infer": await outcome(v2.infer(url, question(is_binary=False), model)),
                "infer binary": await outcome(v2.infer(url, question(is_binary=True), model)),
                "bad": await outcome(v2.infer(url, {"inputs": []}, model)),
            },
            "grpc": {
                "live": await outcome(remote.is_server_live()),
                "ready": await outcome(remote.is_server_ready()),
                "model ready": await outcome(remote.is_model_ready(model)),
                "unknown model ready": await outcome(remote.is_model_ready("nobody")),
                "infer": await outcome(remote.infer(question(is_binary=False))),
                "infer binary": await outcome(remote.infer(question(is_binary=True))),
                "bad": await outcome(remote.infer(InferRequest(model, []))),
            },
        }


def tensor(described: dict[str, Any], row: dict[str, Any], is_binary: bool) -> InferInput:
    name, datatype = described["name"], described["datatype"]
    made = InferInput(name, [1, 1], datatype)
    made.set_data_from_numpy(np.array([[row[name]]], DTYPES[datatype]), binary_data=is_binary)
    return made


async def outcome(asked: Any) -> Any:
    """Return an answer as JSON can hold it, or the refusal."""
    try:
        answer = await asked
    except httpx.HTTPStatusError as refused:
        return {"refused": refused.response.status_code, "body": refused.response.text}
    except grpc.RpcError as refused:
        return {"refused": refused.code().name, "body": refused.details()}
    except ValueError as unreadable:
        return {"unreadable": str(unreadable)}
    if not hasattr(answer, "outputs"):
        return answer
    outputs = {output.name: output.as_numpy().tolist() for output in answer.outputs}
    return {"model": answer.model_name, "id": answer.id, "outputs": texts(outputs)}


def texts(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: texts(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [texts(inner) for inner in value]
    return value.decode() if isinstance(value, bytes) else value


if __name__ == "__main__":
    asked = json.load(sys.stdin)
    told = asyncio.run(ask(sys.argv[1], sys.argv[2], asked["row"], asked["inputs"]))
    sys.stdout.write(json.dumps(told))
