"""The description of the whole HTTP API, with the columns of the models that are loaded."""

from __future__ import annotations

from collections.abc import Sequence

from serving.runtime.served_model import ServedModel
from serving.services.explain import MOST_ROWS
from serving.services.home_page import HOME
from serving.services.routes import (
    EXPLAIN,
    INVOKE,
    MODEL_EXPLAIN,
    MODEL_PREDICT,
    PREDICT,
    V1_PREDICT,
    V2_INFER,
    V2_VERSION_INFER,
)
from serving.services.schemas import (
    TENSOR,
    TEXT,
    Json,
    answer_schema,
    explanation_schema,
    fields,
    list_of,
    row_schemas,
)

_REFUSALS = {
    "400": "The body is wrong; the answer says where.",
    "401": "An API key is missing or unknown.",
    "403": "The API key is not good for this.",
    "404": "No such model is loaded.",
    "413": "The body is too large.",
    "415": "The body is of another type.",
    "429": "Too many requests; come back after Retry-After.",
    "500": "The model failed on this request.",
    "503": "The server is stopping, or a feature store has no answer.",
}
_PROBES = {
    HOME: "A page for people: the models, and a request to begin with.",
    "/livez": "Whether the process works.",
    "/healthz": "The same as /livez.",
    "/health/live": "The same as /livez.",
    "/readyz": "Whether requests should come here.",
    "/ready": "The same as /readyz.",
    "/health/ready": "The same as /readyz.",
    "/health": "Whether requests are answered, and by which models.",
    "/model_info": "Which model answers, and what it wants to be sent.",
    "/v1/models": "KServe V1: the models by name.",
    "/v1/models/{model}": "KServe V1: one model's state.",
    "/v2": "Open Inference Protocol: the server.",
    "/v2/health/live": "Open Inference Protocol: whether the process works.",
    "/v2/health/ready": "Open Inference Protocol: whether requests should come here.",
    "/v2/models/{model}": "Open Inference Protocol: one model's tensors.",
    "/v2/models/{model}/ready": "Open Inference Protocol: whether the model answers.",
    "/v2/models/{model}/versions/{version}": "The same for one version.",
    "/v2/models/{model}/versions/{version}/ready": "The same for one version.",
    "/ping": "MLflow: whether the process works.",
    "/version": "MLflow: the version whose scoring protocol is spoken.",
    "/metrics": "Prometheus' metrics.",
    "/openapi.json": "This description.",
    "/docs.json": "BentoML's description of the service.",
    "/schema.json": "BentoML's schema of the service.",
}
_ALSO_POST = ("/health", "/model_info")


def openapi(
    service: str, models: Sequence[ServedModel], *, with_admin: bool, with_explain: bool = True
) -> Json:
    """Return the document; what has no model in its path is described by the first model."""
    paths: Json = {path: _reading(path, words) for path, words in _PROBES.items()}
    if models:
        paths |= _predictions(models[0])
    if models and with_explain:
        paths |= _explanations(models[0])
    if with_admin:
        paths |= _ADMIN
    return {
        "openapi": "3.1.0",
        "info": {"title": service, "version": models[0].identity.model_version if models else "0"},
        "paths": {path: _with_names(path, described, models) for path, described in paths.items()},
        "components": {
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
            }
        },
    }


def _reading(path: str, words: str) -> Json:
    answers = {
        "200": {"description": "Yes."},
        "404": {"description": _REFUSALS["404"]},
        "503": {"description": "Not now."},
    }
    described: Json = {"get": {"summary": words, "responses": answers}}
    if path in _ALSO_POST:
        described["post"] = described["get"]
    return described


def _predictions(model: ServedModel) -> Json:
    row, answer = row_schemas(model.signature), answer_schema(model)
    features = _input_data(model)
    instances = fields({"instances": list_of(row, 1)})
    tensors = fields(
        {"inputs": list_of(TENSOR, 1)},
        id=TEXT,
        outputs=list_of(fields({"name": TEXT}, parameters={"type": "object"})),
        parameters={"type": "object"},
        model_name={},
    )
    answered = fields(
        {"model_name": TEXT, "model_version": TEXT, "outputs": list_of(TENSOR)}, id=TEXT
    )
    predict = _asking("Predictions for rows.", features, answer)
    infer = _asking("Open Inference Protocol: predictions for tensors.", tensors, answered)
    return {
        PREDICT: predict,
        MODEL_PREDICT: predict,
        V1_PREDICT: _asking("KServe V1: predictions for instances.", instances, answer),
        V2_INFER: infer,
        V2_VERSION_INFER: infer,
        INVOKE: _invoking(model, row),
    }


def _explanations(model: ServedModel) -> Json:
    described = _asking(
        "How much each column moved each prediction.",
        _input_data(model, MOST_ROWS),
        explanation_schema(model),
    )
    described["post"]["responses"] |= {
        "501": {"description": "Predictions of this model can't be explained here."}
    }
    return {EXPLAIN: described, MODEL_EXPLAIN: described}


def _input_data(model: ServedModel, most: int | None = None) -> Json:
    rows = list_of(row_schemas(model.signature), 1)
    if most is not None:
        rows["maxItems"] = most
    kind = {"const": model.identity.kind.value}
    return fields({"input_data": fields({"features": rows}, model_type=kind)})


def _asking(words: str, body: Json, answer: Json) -> Json:
    asked = {"required": True, "content": {"application/json": {"schema": body}}}
    answers = {
        "200": {"description": "The answer.", "content": {"application/json": {"schema": answer}}}
    }
    refused = {status: {"description": said} for status, said in _REFUSALS.items()}
    return {
        "post": {
            "summary": words,
            "requestBody": asked,
            "responses": answers | refused,
            "security": [{}, {"bearer": []}, {"key": []}],
        }
    }


def _invoking(model: ServedModel, row: Json) -> Json:
    """Describe MLflow's way: one of four names for the rows, or CSV with a header."""
    records = {"anyOf": row["oneOf"][:1]}
    columns = {"const": list(model.signature.names)}
    split = fields({"columns": columns, "data": list_of(row["oneOf"][1], 1)})
    body = {
        "oneOf": [
            fields({"dataframe_split": split}),
            fields({"dataframe_records": list_of(records, 1)}),
            fields({"instances": list_of(row, 1)}),
        ]
    }
    predictions = answer_schema(model)["properties"]["predictions"]
    described = _asking("MLflow: predictions.", body, fields({"predictions": predictions}))
    described["post"]["requestBody"]["content"]["text/csv"] = {"schema": TEXT}
    return described


def _with_names(path: str, described: Json, models: Sequence[ServedModel]) -> Json:
    """Say which models and versions a path may name."""
    known = {
        "model": [model.identity.model_name for model in models],
        "version": [model.identity.model_version for model in models],
    }
    given = [
        {"name": name, "in": "path", "required": True, "schema": {"enum": sorted(set(values))}}
        for name, values in known.items()
        if f"{{{name}}}" in path
    ]
    return {**described, "parameters": given} if given else described


_NAME = {"type": "string", "pattern": "^[A-Za-z0-9_.-]{1,80}$"}
_MODEL = fields({"name": _NAME, "version": _NAME, "kind": TEXT, "engine": TEXT})
_ADMIN_REFUSALS = {
    status: {"description": words}
    for status, words in {
        **{status: _REFUSALS[status] for status in ("400", "401", "403", "404", "413", "415")},
        "409": "The server has several processes.",
        "422": "The model can't be loaded.",
    }.items()
}
_ADMIN: Json = {
    "/admin/models": {
        "get": {
            "summary": "The models that are loaded.",
            "responses": {
                "200": {
                    "description": "The models.",
                    "content": {
                        "application/json": {"schema": fields({"models": list_of(_MODEL)})}
                    },
                },
                **_ADMIN_REFUSALS,
            },
            "security": [{"bearer": []}, {"key": []}],
        },
        "post": {
            "summary": "Load a model; requests are answered meanwhile.",
            "requestBody": {
                "required": True,
                "content": {
                    "application/json": {
                        "schema": fields(
                            {"name": _NAME, "version": _NAME}, tag=TEXT, artifact=TEXT, kind=TEXT
                        )
                    }
                },
            },
            "responses": {"201": {"description": "It answers now."}, **_ADMIN_REFUSALS},
            "security": [{"bearer": []}, {"key": []}],
        },
    },
    "/admin/models/{model}": {
        "delete": {
            "summary": "Unload a model: one version, or all.",
            "parameters": [{"name": "version", "in": "query", "schema": TEXT}],
            "responses": {
                "204": {"description": "It has answered its last request."},
                **_ADMIN_REFUSALS,
            },
            "security": [{"bearer": []}, {"key": []}],
        },
    },
}
