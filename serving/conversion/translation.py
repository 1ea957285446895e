"""A whole model's translation: encoder, pipeline, intervals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sklearn.base import BaseEstimator, is_classifier

from serving.conversion.effects import effects_of
from serving.conversion.foreign import add_foreign_columns
from serving.conversion.graph import Graph, Matrix
from serving.conversion.head import head_of
from serving.conversion.pipelines import answers, joined, steps_of
from serving.conversion.untranslatable import UntranslatableError
from serving.conversion.ways import Way
from serving.models.conformal import ConformalRegressor
from serving.models.meta_learner import TLearner
from serving.runtime.engines.compiled import Plan
from serving.runtime.engines.encoder import INPUT, Encoding, Form, input_name
from serving.runtime.identity import ModelKind
from serving.runtime.model_files import LoadedModel
from serving.runtime.signature import InputSignature


@dataclass(frozen=True, slots=True)
class Translation:
    """An ONNX model, and what a server has to know to ask it."""

    graph: bytes
    plan: Plan


def translate(model: LoadedModel, kind: ModelKind, way: Way) -> Translation:
    """Translate a whole model; UntranslatableError says which part of it can't be."""
    estimator = model.estimator
    if not isinstance(estimator, BaseEstimator):
        raise UntranslatableError(f"{type(estimator).__name__} has no scikit-learn interface")
    if (kind is ModelKind.CLASSIFICATION) != is_classifier(estimator):
        raise UntranslatableError(f"{type(estimator).__name__} is no model for {kind.value}")
    graph = Graph()
    inner = estimator.estimator_ if isinstance(estimator, ConformalRegressor) else estimator
    encoding, outputs = _predictor(graph, inner, model.signature, way)
    outputs = _with_interval(graph, estimator, outputs)
    if "predictions" in outputs:
        flat = graph.add("Squeeze", outputs["predictions"], graph.constant([1], "int64"))
        outputs["predictions"] = flat
    classes = tuple(estimator.classes_.tolist()) if is_classifier(estimator) else None
    return Translation(graph.finished(outputs), Plan(encoding, tuple(outputs), classes))


def _predictor(
    graph: Graph, estimator: Any, signature: InputSignature, way: Way
) -> tuple[Encoding, dict[str, str]]:
    if way is Way.COLUMNS:
        return _from_columns(graph, estimator, signature)
    head = head_of(signature, steps_of(estimator))
    width = head.encoding.width
    matrix = Matrix(graph.input(INPUT, "float64", width), width, head.order, head.sparse)
    table = joined(graph, matrix, head.branches, way)
    if isinstance(head.rest[-1], TLearner):
        return head.encoding, effects_of(graph, table, head.rest[-1], way)
    return head.encoding, answers(graph, table, head.rest, way)


def _from_columns(
    graph: Graph, estimator: Any, signature: InputSignature
) -> tuple[Encoding, dict[str, str]]:
    columns = [column.type.dtype for column in signature.columns]
    dtypes = ["float32" if dtype == "float64" else dtype for dtype in columns]
    inputs = [graph.input(input_name(place), dtype, 1) for place, dtype in enumerate(dtypes)]
    outputs = add_foreign_columns(graph, estimator, inputs, signature.names, dtypes)
    return Encoding(Form.COLUMNS, dtypes=tuple(dtypes)), outputs


def _with_interval(graph: Graph, estimator: Any, outputs: dict[str, str]) -> dict[str, str]:
    if not isinstance(estimator, ConformalRegressor):
        if hasattr(estimator, "predict_interval") and "intervals" not in outputs:
            raise UntranslatableError(f"{type(estimator).__name__} has intervals of its own")
        return outputs
    half = float(estimator.half_width_)
    around = graph.add("Add", outputs["predictions"], graph.constant([-half, half]))
    return {**outputs, "intervals": around}
