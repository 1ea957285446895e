"""The fields of an answer for each kind of model, as /predict and KServe's V1 give them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from serving.runtime.engines.engine import Outputs
from serving.runtime.identity import ModelKind

if TYPE_CHECKING:
    from serving.runtime.served_model import ServedModel


def answer_fields(outputs: Outputs, model: ServedModel) -> dict[str, Any]:
    """Return what the model's kind answers, and which model it was."""
    identity = model.identity
    fields = _FIELDS[identity.kind](outputs, model)
    fields["model_name"] = identity.model_name
    fields["model_version"] = identity.model_version
    return fields


def _classified(outputs: Outputs, model: ServedModel) -> dict[str, Any]:
    return {**outputs, "classes": model.engine.classes}


def _regressed(outputs: Outputs, model: ServedModel) -> dict[str, Any]:
    return dict(outputs)


def _effects(outputs: Outputs, model: ServedModel) -> dict[str, Any]:
    effects = outputs["predictions"]
    return {**outputs, "effects": effects, "average_effect": float(effects.mean())}


_FIELDS: Mapping[ModelKind, Callable[[Outputs, ServedModel], dict[str, Any]]] = {
    ModelKind.CLASSIFICATION: _classified,
    ModelKind.REGRESSION: _regressed,
    ModelKind.CAUSAL: _effects,
}
