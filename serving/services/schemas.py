"""JSON schemas of what a model is sent and what it answers, made from its signature."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from serving.runtime.identity import ModelKind
from serving.runtime.served_model import ServedModel
from serving.runtime.signature import ByKey, InputSignature

Json = dict[str, Any]

TEXT: Json = {"type": "string"}
NUMBER: Json = {"type": "number"}
_CELLS: Mapping[str, Json] = {
    "float64": NUMBER,
    "int64": {"type": "integer"},
    "bool": {"type": "boolean"},
    "object": TEXT,
}


def fields(required: Mapping[str, Json], **optional: Json) -> Json:
    """Return the schema of an object with these fields and no other."""
    return {
        "type": "object",
        "required": list(required),
        "properties": {**required, **optional},
        "additionalProperties": False,
    }


def list_of(items: Json, least: int = 0) -> Json:
    """Return the schema of a list."""
    return {"type": "array", "items": items, "minItems": least}


def row_schemas(signature: InputSignature) -> Json:
    """Return the schema of a row: an object with all columns, or their values in order."""
    cells = {column.name: _CELLS[column.type.dtype] for column in signature.columns}
    by_name = fields(cells) if signature.by_key is None else _keyed(cells, signature.by_key)
    in_order = {
        "type": "array",
        "prefixItems": list(cells.values()),
        "minItems": len(cells),
        "maxItems": len(cells),
    }
    return {"oneOf": [by_name, in_order]}


def _keyed(cells: Mapping[str, Json], key: ByKey) -> Json:
    """Return the schema of a row as an object: with the key, or with the columns it stands for."""
    entity = {key.entity.name: _CELLS[key.entity.type.dtype]}
    sent = {name: cell for name, cell in cells.items() if name not in key.columns}
    looked_up = {name: cells[name] for name in key.columns}
    least = [{"required": [key.entity.name]}, {"required": list(key.columns)}]
    return fields(sent, **(entity | looked_up)) | {"anyOf": least}


def answer_schema(model: ServedModel) -> Json:
    """Return the schema of what the model's engine and kind answer under /predict and V1."""
    label = _label(model.engine.classes)
    classes = list_of(label) if model.engine.classes else {"type": "null"}
    numbers = list_of(NUMBER)
    known: Mapping[ModelKind, Json] = {
        ModelKind.CLASSIFICATION: {"predictions": list_of(label), "classes": classes},
        ModelKind.REGRESSION: {"predictions": numbers},
        ModelKind.CAUSAL: {"predictions": numbers, "effects": numbers, "average_effect": NUMBER},
    }
    beside = {name: _BESIDE[name] for name in model.engine.output_names if name in _BESIDE}
    named = {"model_name": TEXT, "model_version": TEXT}
    by_key = {} if model.signature.by_key is None else {"features_defaulted": list_of(TEXT)}
    return fields({**known[model.identity.kind], **beside, **named}, **by_key)


_BESIDE: Mapping[str, Json] = {
    "probabilities": list_of(list_of(NUMBER)),
    "intervals": list_of(list_of(NUMBER, 2)),
}
"""What an engine answers besides its predictions, if it knows that."""


def explanation_schema(model: ServedModel) -> Json:
    """Return the schema of an explanation under /explain."""
    shares = fields(dict.fromkeys(model.signature.names, NUMBER))
    return fields(
        {
            "base_value": {"anyOf": [NUMBER, list_of(NUMBER)]},
            "contributions": list_of(shares),
            "predictions": answer_schema(model)["properties"]["predictions"],
            "output": TEXT,
            "method": {"enum": ["tree", "linear", "permutation"]},
            "model_name": TEXT,
            "model_version": TEXT,
        }
    )


def _label(classes: list[object] | None) -> Json:
    kinds = {bool: "boolean", int: "integer", float: "number", str: "string"}
    named = sorted({kinds[type(label)] for label in classes or () if type(label) in kinds})
    return {"type": named} if named else {}


TENSOR = fields(
    {
        "name": TEXT,
        "shape": list_of({"type": "integer", "minimum": 0}, 1),
        "datatype": {
            "enum": [
                *("BOOL", "INT8", "INT16", "INT32", "INT64", "UINT8", "UINT16", "UINT32"),
                *("UINT64", "FP32", "FP64", "BYTES"),
            ]
        },
    },
    data={"type": "array"},
    parameters={"type": "object"},
)
"""One tensor of the Open Inference Protocol, in a request or in an answer."""
