"""JSON schemas of what a model is sent and what it answers, made from its signature."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from serving.runtime.identity import ModelKind
from serving.runtime.served_model import ServedModel
from serving.runtime.signature import InputSignature

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
    in_order = {
        "type": "array",
        "prefixItems": list(cells.values()),
        "minItems": len(cells),
        "maxItems": len(cells),
    }
    return {"oneOf": [fields(cells), in_order]}


def answer_schema(model: ServedModel) -> Json:
    """Return the schema of what the model's kind answers under /predict and V1."""
    pairs = list_of(list_of(NUMBER, 2))
    label = _label(model.engine.classes)
    answered: Mapping[ModelKind, tuple[Json, Json]] = {
        ModelKind.CLASSIFICATION: (
            {"predictions": list_of(label), "classes": list_of(label)},
            {"probabilities": list_of(list_of(NUMBER))},
        ),
        ModelKind.REGRESSION: ({"predictions": list_of(NUMBER)}, {"intervals": pairs}),
        ModelKind.CAUSAL: (
            {
                "predictions": list_of(NUMBER),
                "effects": list_of(NUMBER),
                "average_effect": NUMBER,
            },
            {"intervals": pairs},
        ),
    }
    required, optional = answered[model.identity.kind]
    return fields({**required, "model_name": TEXT, "model_version": TEXT}, **optional)


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
