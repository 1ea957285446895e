"""Features by key over every protocol, on a server of ours in the test's own event loop."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import uvloop
from grpclib.client import Channel, UnaryUnaryMethod
from grpclib.const import Status
from grpclib.exceptions import GRPCError
from jsonschema import Draft202012Validator
from prometheus_client import REGISTRY

from serving.runtime.features.keyed_model import KeyedModel
from serving.runtime.grpc import open_inference_pb2 as pb
from serving.runtime.grpc.service import SERVICE
from serving.services.openapi import openapi
from tests.serving.runtime.features.keyed import (
    SilentStore,
    WatchedStore,
    keyed_model,
    section,
)
from tests.serving.services.small_site import Site, site

BY_KEY = [{"customer_id": 1, "amount": 5}, {"customer_id": 3, "amount": 6}]
TOLD = ["5 30 rent", "6 50 none"]


def tensor(name: str, datatype: str, *data: Any) -> dict[str, Any]:
    return {"name": name, "shape": [len(data)], "datatype": datatype, "data": data}


TENSORS = {"inputs": [tensor("customer_id", "INT64", 1, 3), tensor("amount", "INT64", 5, 6)]}
BODIES: dict[str, tuple[str, Any]] = {
    "predict": ("/predict", {"input_data": {"features": BY_KEY}}),
    "a named model": ("/keyed/predict", {"input_data": {"features": BY_KEY}}),
    "V1, rows": ("/v1/models/keyed:predict", {"instances": BY_KEY}),
    "V1, columns": (
        "/v1/models/keyed:predict",
        {"inputs": {"customer_id": [1, 3], "amount": [5, 6]}},
    ),
    "V2": ("/v2/models/keyed/infer", TENSORS),
    "MLflow, records": ("/invocations", {"dataframe_records": BY_KEY}),
    "MLflow, split": (
        "/invocations",
        {"dataframe_split": {"columns": ["amount", "customer_id"], "data": [[5, 1], [6, 3]]}},
    ),
    "MLflow, columns": ("/invocations", {"inputs": {"customer_id": [1, 3], "amount": [5, 6]}}),
}


def asked(
    model: KeyedModel, path: str, body: Any, status: int = 200
) -> tuple[dict[str, Any], dict[str, str]]:
    """Ask a server of this model; return the answer's fields and headers."""

    async def scenario() -> tuple[dict[str, Any], dict[str, str]]:
        async with site(model) as here:
            answer = await here.client.post(path, json=body)
        assert answer.status_code == status, answer.text
        return answer.json(), dict(answer.headers)

    return uvloop.run(scenario())


def predict(model: KeyedModel, *rows: Any, status: int = 200) -> dict[str, Any]:
    fields, _ = asked(model, "/predict", {"input_data": {"features": list(rows)}}, status)
    return fields


@pytest.mark.parametrize("way", BODIES)
def test_every_protocol_with_named_columns_may_send_the_key(way: str) -> None:
    store = WatchedStore()
    path, body = BODIES[way]
    fields, _ = asked(keyed_model(store), path, body)
    outputs = {output["name"]: output["data"] for output in fields.get("outputs", ())}
    assert (outputs or fields)["predictions"] == TOLD
    assert store.questions == [(1, 3)]
    if path != "/invocations":
        assert (outputs or fields)["features_defaulted"] == ["", "home"]


async def infer(here: Site, request: pb.ModelInferRequest) -> pb.ModelInferResponse:
    opened = Channel("127.0.0.1", here.port)
    method: Any = UnaryUnaryMethod(
        opened, f"/{SERVICE}/ModelInfer", pb.ModelInferRequest, pb.ModelInferResponse
    )
    try:
        answer: pb.ModelInferResponse = await method(request, timeout=20)
        return answer
    finally:
        opened.close()


def grpc_request(*customers: int) -> pb.ModelInferRequest:
    request = pb.ModelInferRequest(model_name="keyed")
    for name, values in (("customer_id", customers), ("amount", [5] * len(customers))):
        sent = request.inputs.add(name=name, datatype="INT64", shape=[len(values)])
        sent.contents.int64_contents.extend(values)
    return request


def test_grpc_may_send_the_key_too() -> None:
    async def scenario() -> None:
        async with site(keyed_model(WatchedStore())) as here:
            answer = await infer(here, grpc_request(2, 3))
            with pytest.raises(GRPCError) as refused:
                await infer(here, grpc_request(99))
        told = {each.name: list(each.contents.bytes_contents) for each in answer.outputs}
        assert told == {
            "predictions": [b"5 40 own", b"5 50 none"],
            "features_defaulted": [b"", b"home"],
        }
        assert refused.value.status is Status.INVALID_ARGUMENT
        assert "inputs.age[0]: the feature store has none" in str(refused.value.message)

    uvloop.run(scenario())


def test_one_row_without_an_envelope_may_be_little_more_than_a_key() -> None:
    model = keyed_model(WatchedStore())
    fields, _ = asked(model, "/predict", {"customer_id": 2, "amount": 7})
    assert fields["predictions"] == ["7 40 own"]
    fields, _ = asked(model, "/predict", {"customer_id": 99, "amount": 7}, 400)
    assert fields["path"] == "age"


def test_what_the_caller_sends_wins() -> None:
    row = {"customer_id": 1, "amount": 5, "home": "castle"}
    assert predict(keyed_model(WatchedStore()), row)["predictions"] == ["5 30 castle"]


def test_the_store_is_asked_once_for_all_rows_and_once_for_each_key() -> None:
    store = WatchedStore()
    rows = [{"customer_id": 1 + at % 2, "amount": at} for at in range(50)]
    assert len(predict(keyed_model(store), *rows)["predictions"]) == 50
    assert store.questions == [(1, 2)]


def test_rows_with_all_columns_never_ask_the_store() -> None:
    store = WatchedStore()
    model = keyed_model(store)
    row = {"amount": 5, "age": 1, "home": "own"}
    fields = predict(model, row, {**row, "customer_id": 1}, [5, 1, "own"])
    assert fields["predictions"] == ["5 1 own"] * 3
    assert "features_defaulted" not in fields
    records = {"dataframe_records": [{**row, "more": 1}]}
    fields, _ = asked(model, "/invocations", records)
    assert fields["predictions"] == ["5 1 own"]
    assert store.questions == []


def test_a_bad_row_is_refused_with_its_path_and_the_store_is_not_asked() -> None:
    store = WatchedStore()
    bad = predict(keyed_model(store), BY_KEY[0], {"customer_id": 2, "amount": "x"}, status=400)
    assert bad["path"] == "input_data.features[1].amount"
    assert store.questions == []


def test_what_neither_caller_nor_store_nor_defaults_have_is_refused_with_its_path() -> None:
    bad = predict(
        keyed_model(WatchedStore()), BY_KEY[0], {"customer_id": 9, "amount": 1}, status=400
    )
    assert bad["path"] == "input_data.features[1].age"
    assert bad["error"].endswith("there is no default; send it")


def test_a_late_store_is_a_503_with_retry_after_where_a_default_is_missing() -> None:
    async def scenario() -> None:
        async with site(keyed_model(SilentStore(), timeout_s=0.01)) as here:
            answer = await here.predict(BY_KEY[0])
            mended = await here.predict({**BY_KEY[0], "age": 3})
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "1"
        assert answer.json()["error"] == (
            "the feature store didn't answer within 10 ms, and age has no default; "
            "send it, or ask again"
        )
        assert mended.json()["predictions"] == ["5 3 none"]
        assert mended.json()["features_defaulted"] == ["home"]

    uvloop.run(scenario())


def test_a_store_that_is_down_costs_no_request_with_defaults_anything() -> None:
    async def scenario() -> None:
        features = section(defaults={"age": 0, "home": "none"})
        model = keyed_model(SilentStore(), features, timeout_s=0.005)
        async with site(model) as here:
            answers = await asyncio.gather(*(here.predict(BY_KEY[0]) for _ in range(200)))
        assert {answer.status_code for answer in answers} == {200}
        assert {answer.json()["features_defaulted"][0] for answer in answers} == {"age,home"}

    uvloop.run(scenario())


def test_a_value_that_does_not_fit_the_model_is_not_the_callers_mistake() -> None:
    failed = predict(keyed_model(WatchedStore()), {"customer_id": 4, "amount": 1}, status=503)
    assert "what the feature store has for age is not a whole number" in failed["error"]


def counted(name: str, **labels: str) -> float:
    model = {"model_name": "counted-lookups", "model_version": "1"}
    return REGISTRY.get_sample_value(name, model | labels) or 0.0


def test_lookups_and_defaults_are_counted() -> None:
    model = keyed_model(WatchedStore(), name="counted-lookups")
    predict(model, {"customer_id": 1, "amount": 5})
    predict(model, {"customer_id": 3, "amount": 5}, {"customer_id": 3, "amount": 6})
    predict(model, {"customer_id": 9, "amount": 5}, status=400)
    predict(model, [5, 1, "own"])
    assert counted("feature_lookups_total", outcome="found") == 1
    assert counted("feature_lookups_total", outcome="incomplete") == 2
    assert counted("feature_lookups_total", outcome="late") == 0
    assert counted("feature_lookup_seconds_count") == 3
    assert counted("feature_values_defaulted_total", column="home") == 2
    assert counted("feature_values_defaulted_total", column="age") == 0


def test_rows_to_explain_are_looked_up_like_rows_to_predict() -> None:
    async def scenario() -> None:
        store = WatchedStore()
        async with site(keyed_model(store)) as here:
            body = {"input_data": {"features": BY_KEY}}
            answer = await here.client.post("/explain", json=body)
            assert answer.status_code == 501  # this model has no files
            assert store.questions == [(1, 3)]
            body["input_data"]["features"] = [{"customer_id": 9, "amount": 1}]
            refused = await here.client.post("/explain", json=body)
            assert (refused.status_code, refused.json()["path"]) == (
                400,
                "input_data.features[0].age",
            )

    uvloop.run(scenario())


def test_completed_rows_are_what_the_engine_reads() -> None:
    async def scenario() -> None:
        model = keyed_model(WatchedStore())
        rows = await model.completed(model.signature.checked(BY_KEY))
        assert rows.cells == [[5, 30, "rent"], [6, 50, "none"]]
        plain = model.signature.checked([[5, 1, "own"]])
        assert await model.completed(plain) is plain

    uvloop.run(scenario())


def test_model_info_and_openapi_say_what_may_be_sent() -> None:
    async def scenario() -> Any:
        async with site(keyed_model(WatchedStore())) as here:
            return (await here.client.get("/model_info")).json()

    info = uvloop.run(scenario())
    assert info["features_by_key"] == {"entity": "customer_id", "columns": ["age", "home"]}
    model = keyed_model(WatchedStore())
    described = openapi("service", [model], with_admin=False)["paths"]["/predict"]["post"]
    body = described["requestBody"]["content"]["application/json"]["schema"]
    is_allowed = Draft202012Validator(body).is_valid
    by_name = {"amount": 1, "age": 1, "home": "own"}
    for row in (BY_KEY[0], by_name, {**by_name, "customer_id": 1}, [1, 1, "own"]):
        assert is_allowed({"input_data": {"features": [row]}}), row
    for row in ({"customer_id": 1}, {"amount": 1, "age": 1}, {**BY_KEY[0], "more": 1}):
        assert not is_allowed({"input_data": {"features": [row]}}), row
    answer = described["responses"]["200"]["content"]["application/json"]["schema"]
    Draft202012Validator(answer).validate(predict(model, *BY_KEY))
