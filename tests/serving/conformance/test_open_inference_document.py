"""The Open Inference Protocol's OpenAPI document, as MLServer ships it, against a server of ours.

Schemathesis invents requests that the document allows, and holds the answers against it.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.serving.conformance.others import environment_or_skip
from tests.serving.served_models import RunningServer, ServedModels

pytestmark = [
    pytest.mark.peers,
    pytest.mark.timeout(400),
    pytest.mark.filterwarnings("ignore:GitWildMatchPattern"),  # while BentoML is imported
]

MODEL = "credit-risk"
VERSION = "7"
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    response_schema_conformance,
    content_type_conformance,
]
MLSERVERS_OWN = ("infer_stream", "generate", "generate_stream")
VALUES = {"INT64": 1, "FP64": 1.0, "BOOL": True, "BYTES": "x"}


@pytest.fixture(scope="module")
def server(served: ServedModels) -> RunningServer:
    return served.server("credit-risk:v1")


@pytest.fixture(scope="module")
def operations() -> list[Any]:
    """The protocol's own operations."""
    place = environment_or_skip("mlserver-files", "mlserver.txt", "--no-deps")
    (file,) = place.glob("lib/python3*/site-packages/mlserver/rest/openapi/dataplane.json")
    document = adapted(json.loads(file.read_text()))
    return [found.ok() for found in schemathesis.openapi.from_dict(document).get_all_operations()]


def adapted(document: dict[str, Any]) -> dict[str, Any]:
    """Leave out what is MLServer's own, and name a model that there is."""
    names = {"model_name": [MODEL, "nobody"], "model_version": [VERSION, "0"]}
    paths = {
        path: item
        for path, item in document["paths"].items()
        if path.rpartition("/")[2] not in MLSERVERS_OWN
    }
    for path, item in paths.items():
        if path.startswith("/v2/models/") and path.endswith("/ready"):
            # The protocol's text, not its document: any 4xx says that a model is not ready.
            item["get"]["responses"]["404"] = {"description": "Not ready."}
        for parameter in item.get("parameters", ()):
            parameter["schema"]["enum"] = names[parameter["name"]]
    # "bytes" is no type of JSON schema; it stands for what follows the JSON.
    document["components"]["schemas"]["TensorData"] = {"type": "array"}
    return {**document, "paths": paths}


def test_the_document_has_the_whole_protocol(operations: list[Any]) -> None:
    assert len(operations) == 9


def test_whatever_the_protocol_allows_is_answered_as_it_says(
    operations: list[Any], server: RunningServer
) -> None:
    for operation in operations:
        ask_anything(operation, server.url)


def ask_anything(operation: Any, url: str) -> None:
    @settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy())
    def ask(case: Any) -> None:
        case.call_and_validate(base_url=url, checks=CHECKS)

    ask()


def test_a_prediction_is_answered_as_the_protocol_says(
    operations: list[Any], server: RunningServer
) -> None:
    described = requests.get(f"{server.url}/v2/models/{MODEL}", timeout=30).json()["inputs"]
    inputs = [
        {**tensor, "shape": [1, 1], "data": [VALUES[tensor["datatype"]]]} for tensor in described
    ]
    asked = [operation for operation in operations if operation.path.endswith("/infer")]
    for operation in asked:
        names = {"model_name": MODEL, "model_version": VERSION}
        case = operation.Case(
            path_parameters=names, body={"inputs": inputs}, media_type="application/json"
        )
        assert case.call_and_validate(base_url=server.url, checks=CHECKS).status_code == 200
    assert len(asked) == 2
