"""Rows in, an answer out, for each kind of tabular model; no web, no clock, no files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

import numpy as np

from serving.runtime.bad_input import BadInputError
from serving.runtime.model_files import LoadedModel
from serving.runtime.signature import InputSignature


class ModelKind(StrEnum):
    """What a tabular model answers with."""

    CLASSIFICATION = "classification"
    REGRESSION = "regression"
    CAUSAL = "causal"


class ModelAnswerError(RuntimeError):
    """The model answered with something that can't be sent: not a number, or too few rows."""


Answer = dict[str, Any]


def answer_request(model: LoadedModel, kind: ModelKind, body: object) -> Answer:
    """Answer the body of POST /predict, `{"input_data": {"features": [...]}}`.

    Raises BadInputError for what the caller can mend; whatever the model raises passes through.
    """
    features = _features(body, kind)
    return predict_rows(model, kind, model.signature.checked_rows(features, "input_data.features"))


def _features(body: object, kind: ModelKind) -> object:
    given = _fields(body, "", required="input_data")["input_data"]
    fields = _fields(given, "input_data", required="features", optional="model_type")
    asked = fields.get("model_type", kind.value)
    if asked != kind.value:
        raise BadInputError("input_data.model_type", f"this service answers {kind.value}")
    return fields["features"]


def _fields(
    given: object, path: str, *, required: str, optional: str | None = None
) -> Mapping[str, Any]:
    here = path or "the body"
    if not isinstance(given, Mapping):
        raise BadInputError(path, f'{here} must be an object such as {{"{required}": ...}}')
    for name in given:
        if name not in (required, optional):
            raise BadInputError(_below(path, str(name)), f"unknown field; send {required!r}")
    if required not in given:
        raise BadInputError(_below(path, required), "this field is missing")
    return given


def _below(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def predict_rows(model: LoadedModel, kind: ModelKind, rows: Sequence[Sequence[Any]]) -> Answer:
    """Answer rows that were checked: `predictions` for each kind, and what the kind adds."""
    table = _table(model.signature, rows)
    answer = _PREDICT[kind](model.estimator, table)
    if len(answer["predictions"]) != len(rows):
        raise ModelAnswerError(f"{len(rows)} rows gave {len(answer['predictions'])} predictions")
    return answer


def _table(signature: InputSignature, rows: Sequence[Sequence[Any]]) -> Any:
    if not signature.named:
        return np.asarray(rows, dtype=float)
    import pandas as pd

    cells = zip(*rows, strict=True)
    return pd.DataFrame(
        {
            column.name: pd.Series(values, dtype=column.type.dtype)
            for column, values in zip(signature.columns, cells, strict=True)
        }
    )


def _classify(estimator: Any, table: Any) -> Answer:
    answer: Answer = {
        "predictions": np.asarray(estimator.predict(table)).tolist(),
        "classes": np.asarray(estimator.classes_).tolist(),
    }
    if hasattr(estimator, "predict_proba"):
        probabilities = _finite("probabilities", estimator.predict_proba(table))
        answer["probabilities"] = probabilities.tolist()
    return answer


def _regress(estimator: Any, table: Any) -> Answer:
    answer: Answer = {"predictions": _finite("predictions", estimator.predict(table)).tolist()}
    return answer | _intervals(estimator, table)


def _estimate_effect(estimator: Any, table: Any) -> Answer:
    effects = _finite("effects", estimator.predict(table))
    return {
        "predictions": effects.tolist(),
        "effects": effects.tolist(),
        "average_effect": float(effects.mean()),
    } | _intervals(estimator, table)


def _intervals(estimator: Any, table: Any) -> Answer:
    if not hasattr(estimator, "predict_interval"):
        return {}
    return {"intervals": _finite("intervals", estimator.predict_interval(table)).tolist()}


def _finite(what: str, values: Any) -> np.ndarray:
    numbers = np.asarray(values, dtype=float)
    if not np.isfinite(numbers).all():
        raise ModelAnswerError(f"the model's {what} are not all finite numbers")
    return numbers


_PREDICT = {
    ModelKind.CLASSIFICATION: _classify,
    ModelKind.REGRESSION: _regress,
    ModelKind.CAUSAL: _estimate_effect,
}
