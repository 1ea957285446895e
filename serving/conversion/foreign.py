"""Models, and ends of pipelines, that skl2onnx and onnxmltools translate for us.

They compute in float32 as a rule, and are wrong for some models without a word. Nothing that
comes from here is used unless it agrees with the original row by row.
"""

from __future__ import annotations

import contextlib
import copy
import io
import warnings
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, is_classifier
from sklearn.ensemble import VotingClassifier

from serving.conversion.graph import ML, OPSET, Graph, Matrix
from serving.conversion.labels import Labels
from serving.conversion.rounding import as_single, poison
from serving.conversion.untranslatable import UntranslatableError, first_words

_VERSIONS = {"": OPSET, ML: 3}


def add_foreign_transform(graph: Graph, matrix: Matrix, step: Any, precision: str) -> Matrix:
    """Add a fitted step of a pipeline that reads and makes numbers, in `float64` or `float32`."""
    (made,), nothing = _embedded(graph, matrix, step, precision)
    width = step.transform(np.zeros((1, len(matrix.places)))).shape[1]
    flat = graph.add("Reshape", graph.cast(made, "float64"), graph.constant([-1, width], "int64"))
    return Matrix.whole(graph.add("Add", flat, nothing), width)


def add_foreign_predictor(
    graph: Graph, matrix: Matrix, model: Any, precision: str
) -> dict[str, str]:
    """Add a fitted predictor that reads numbers, in `float64` or `float32`."""
    found, nothing = _embedded(graph, matrix, model, precision)
    return {
        name: value if name == "index" else graph.add("Add", value, nothing)
        for name, value in _outputs(graph, model, found).items()
    }


def add_foreign_columns(
    graph: Graph,
    model: Any,
    inputs: Sequence[str],
    names: Sequence[str],
    dtypes: Sequence[str],
) -> dict[str, str]:
    """Add a whole model that reads each column, which it knows by name, from its own input."""
    given = [(name, dtype, 1) for name, dtype in zip(names, dtypes, strict=True)]
    found = graph.embed(_converted(model, given), inputs, _VERSIONS)
    return _outputs(graph, model, found)


def _embedded(
    graph: Graph, matrix: Matrix, model: Any, precision: str
) -> tuple[tuple[str, ...], str]:
    """Return the outputs and the poison of a model that reads one matrix."""
    width = len(matrix.places)
    ordered = Matrix.whole(graph.in_order(matrix), width)
    exact = precision == "float64" and not _has_trees(model)
    dtype = "float64" if exact else "float32"
    feed = ordered.name if exact else graph.cast(ordered.name, "float32")
    found = graph.embed(_converted(model, [("input", dtype, width)]), [feed], _VERSIONS)
    return found, poison(graph, as_single(graph, ordered))


def _outputs(graph: Graph, model: Any, found: Sequence[str]) -> dict[str, str]:
    if not is_classifier(model):
        flat = graph.add("Reshape", found[0], graph.constant([-1, 1], "int64"))
        return {"predictions": graph.cast(flat, "float64")}
    probabilities = graph.cast(found[1], "float64") if hasattr(model, "predict_proba") else None
    return Labels(_index(graph, found[0], model.classes_.tolist()), probabilities).outputs()


def _has_trees(model: Any) -> bool:
    """Whether there are trees in it somewhere, which round what they read to float32.

    In float64, their translation compares what they never see, and is wrong on some rows.
    """
    modules = (type(part).__module__ for part in _all_parts(model))
    return any(module.startswith(("sklearn.tree", "xgboost")) for module in modules)


def _all_parts(model: Any) -> Iterator[Any]:
    """Yield a fitted model, and the models and steps that it is made of."""
    yield model
    waiting = list(vars(model).values())
    while waiting:
        value = waiting.pop()
        if isinstance(value, (list, tuple)):
            waiting += value
        elif isinstance(value, BaseEstimator):
            yield from _all_parts(value)


_BY_TRAINING_ROWS = "ONNX Runtime goes through all training rows, and is slower than the model"
_BY_LOCALE = "words are split by the locale of the machine, which the next one may not have"
_REFUSED = {
    "GaussianProcessClassifier": _BY_TRAINING_ROWS,
    "GaussianProcessRegressor": _BY_TRAINING_ROWS,
    "KNeighborsClassifier": _BY_TRAINING_ROWS,
    "KNeighborsRegressor": _BY_TRAINING_ROWS,
    "CountVectorizer": _BY_LOCALE,
    "TfidfVectorizer": _BY_LOCALE,
}
"""What skl2onnx can translate, but better doesn't."""


def _index(graph: Graph, label: str, classes: list[Any]) -> str:
    kind = "strings" if isinstance(classes[0], str) else "int64s"
    graph.need(ML, _VERSIONS[ML])
    (index,) = graph.add_many(
        "LabelEncoder",
        [label],
        1,
        domain=ML,
        **{f"keys_{kind}": classes, "values_int64s": list(range(len(classes)))},
    )
    return index


def _converted(model: Any, inputs: Sequence[tuple[str, str, int]]) -> Any:
    from skl2onnx import convert_sklearn

    _know_xgboost()
    model = _without_names(model)
    for part in _all_parts(model):
        if type(part).__name__ in _REFUSED:
            raise UntranslatableError(_REFUSED[type(part).__name__])
    if isinstance(model, VotingClassifier):
        model.flatten_transform = False  # no part of `predict`, but skl2onnx refuses the other
    classes = {id(model): {"zipmap": False}} if is_classifier(model) else None
    try:
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return convert_sklearn(
                model,
                initial_types=[(name, _type(dtype, width)) for name, dtype, width in inputs],
                options=classes,
                target_opset=_VERSIONS,
            )
    except Exception as failure:  # a converter raises whatever it stumbles over
        sentence = f"skl2onnx has no translation of {type(model).__name__} ({first_words(failure)})"
        raise UntranslatableError(sentence) from failure


def _without_names(model: Any) -> Any:
    """Return an XGBoost model without its columns' names, over which onnxmltools stumbles."""
    if not type(model).__module__.startswith("xgboost"):
        return model
    nameless = copy.deepcopy(model)
    nameless.get_booster().feature_names = None
    return nameless


def _type(dtype: str, width: int) -> Any:
    from skl2onnx.common import data_types

    kinds = {
        "float64": data_types.DoubleTensorType,
        "float32": data_types.FloatTensorType,
        "int64": data_types.Int64TensorType,
        "bool": data_types.BooleanTensorType,
        "object": data_types.StringTensorType,
    }
    return kinds[dtype]([None, width])


@cache
def _know_xgboost() -> None:
    """Tell skl2onnx of XGBoost; what it knows of LightGBM we can say better ourselves."""
    import xgboost
    from onnxmltools.convert.xgboost.operator_converters.XGBoost import convert_xgboost
    from skl2onnx import update_registered_converter
    from skl2onnx.common.shape_calculator import (
        calculate_linear_classifier_output_shapes,
        calculate_linear_regressor_output_shapes,
    )

    options = {"nocl": [True, False], "zipmap": [True, False, "columns"]}
    for model in (xgboost.XGBClassifier, xgboost.XGBRFClassifier):
        shape = calculate_linear_classifier_output_shapes
        update_registered_converter(model, model.__name__, shape, convert_xgboost, options=options)
    for model in (xgboost.XGBRegressor, xgboost.XGBRFRegressor):
        shape = calculate_linear_regressor_output_shapes
        update_registered_converter(model, model.__name__, shape, convert_xgboost)
