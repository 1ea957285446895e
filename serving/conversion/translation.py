"""A whole model's translation: encoder, pipeline, intervals; or the graph that was logged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sklearn.base import BaseEstimator, is_classifier

from serving.conversion.effects import effects_of
from serving.conversion.exported import add_exported
from serving.conversion.foreign import add_foreign_columns
from serving.conversion.graph import Graph, Matrix
from serving.conversion.head import head_of
from serving.conversion.pipelines import answers, joined, steps_of
from serving.conversion.quantiles import quantiles_of
from serving.conversion.untranslatable import UntranslatableError
from serving.conversion.ways import Way
from serving.models.conformal import ConformalRegressor
from serving.models.meta_learner import TLearner
from serving.models.quantiles import QuantileIntervalRegressor
from serving.runtime.engines.compiled import Plan
from serving.runtime.engines.encoder import INPUT, Encoding, Form, input_name
from serving.runtime.flavors.onnx_models import OnnxModel, OnnxProbabilities
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
    if isinstance(estimator, OnnxModel):
        return _exported(estimator, model.signature, kind)
    if not isinstance(estimator, BaseEstimator):
        raise UntranslatableError(f"{type(estimator).__name__} has no scikit-learn interface")
    if (kind is ModelKind.CLASSIFICATION) != is_classifier(estimator):
        raise UntranslatableError(f"{type(estimator).__name__} is no model for {kind.value}")
    graph = Graph()
    inner = estimator.estimator_ if isinstance(estimator, ConformalRegressor) else estimator
    encoding, outputs = _predictor(graph, inner, model.signature, way)
    outputs = _with_interval(graph, estimator, outputs)
    classes = tuple(estimator.classes_.tolist()) if is_classifier(estimator) else None
    return _finished(graph, encoding, outputs, classes)


def _finished(
    graph: Graph, encoding: Encoding, outputs: dict[str, str], classes: tuple[Any, ...] | None
) -> Translation:
    if "predictions" in outputs:
        flat = graph.add("Squeeze", outputs["predictions"], graph.constant([1], "int64"))
        outputs = {**outputs, "predictions": flat}
    return Translation(graph.finished(outputs), Plan(encoding, tuple(outputs), classes))


def _exported(model: OnnxModel, signature: InputSignature, kind: ModelKind) -> Translation:
    graph, outputs = add_exported(model, len(signature.columns))
    classes = tuple(model.classes_.tolist()) if isinstance(model, OnnxProbabilities) else None
    if (kind is ModelKind.CLASSIFICATION) != (classes is not None):
        raise UntranslatableError(f"the ONNX model is none for {kind.value}")
    return _finished(graph, Encoding(Form.MATRIX), outputs, classes)


def _predictor(
    graph: Graph, estimator: Any, signature: InputSignature, way: Way
) -> tuple[Encoding, dict[str, str]]:
    if way is Way.COLUMNS:
        return _from_columns(graph, estimator, signature)
    head = head_of(signature, _steps(estimator))
    width = head.encoding.width
    matrix = Matrix(graph.input(INPUT, "float64", width), width, head.order, head.sparse)
    table = joined(graph, matrix, head.branches, way)
    if isinstance(head.rest[-1], TLearner):
        return head.encoding, effects_of(graph, table, head.rest[-1], way)
    if isinstance(head.rest[-1], QuantileIntervalRegressor):
        return head.encoding, quantiles_of(graph, table, head.rest, way)
    return head.encoding, answers(graph, table, head.rest, way)


def _steps(estimator: Any) -> list[Any]:
    """Return a model's steps; those that three quantiles share come before the quantiles."""
    if isinstance(estimator, QuantileIntervalRegressor) and estimator.before_ is not None:
        return [*steps_of(estimator.before_), estimator]
    return steps_of(estimator)


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
