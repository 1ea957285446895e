"""Explains one model in the first way that adds up to the model's own answers."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from serving.runtime.engines.native import NativeEngine
from serving.runtime.engines.table import table_maker
from serving.runtime.explanations.attribution import Way
from serving.runtime.explanations.errors import NotExplainableError
from serving.runtime.explanations.linear import linear_way
from serving.runtime.explanations.permutation import permutation_way
from serving.runtime.explanations.targets import Explained, explained, values_of
from serving.runtime.explanations.terms import terms_of
from serving.runtime.explanations.trees import tree_way
from serving.runtime.identity import ModelKind
from serving.runtime.model_files import LoadedModel
from serving.runtime.rows import Rows

_log = logging.getLogger(__name__)


class ModelExplainer:
    """Explains rows of one model, which it asks itself. For one thread."""

    def __init__(self, model: LoadedModel, kind: ModelKind) -> None:
        self._engine = NativeEngine(model, kind)
        self._kind = kind
        self._names = model.signature.names
        self._ways = dict(_ways_of(model, self._values))

    def explain(self, rows: Rows) -> dict[str, Any]:
        """Return the fields of the answer; raise NotExplainableError where there is no way."""
        outputs = self._engine.outputs(rows)
        values = values_of(outputs, self._kind)
        for method, way in self._ways.items():
            found = self._tried(way, rows, values)
            if found is not None:
                return _fields(found, method, outputs["predictions"], self._names)
        raise NotExplainableError(_why_not(self._ways))

    def _tried(self, way: Way, rows: Rows, values: np.ndarray) -> Explained | None:
        try:
            return explained(way(rows), values, self._kind, self._engine.classes)
        except Exception:  # noqa: BLE001 (explainers raise anything where a model isn't theirs)
            _log.debug("a way to explain the model failed", exc_info=True)
            return None

    def _values(self, rows: Rows) -> np.ndarray:
        return values_of(self._engine.outputs(rows), self._kind)


def _why_not(ways: Mapping[str, Way]) -> str:
    if "permutation" in ways:
        return "SHAP can't explain what this model answers"
    return (
        "this model isn't made of trees that SHAP can read, and has no input example to compare "
        "rows with; log it with input_example"
    )


def _ways_of(model: LoadedModel, ask: Callable[[Rows], np.ndarray]) -> Iterator[tuple[str, Way]]:
    """Return the ways that this model has, the exact ones first."""
    signature, background = model.signature, model.example
    table, terms = table_maker(signature), terms_of(model.estimator)
    makers: Sequence[tuple[str, Callable[[], Way]]] = [
        ("tree", partial(tree_way, terms, table, signature))
    ]
    if background is not None:
        makers = [
            ("linear", partial(linear_way, terms, background, table, signature)),
            *makers,
            ("permutation", partial(permutation_way, ask, background)),
        ]
    for method, make in makers:
        try:
            yield method, make()
        except Exception:  # noqa: BLE001 (explainers raise anything where a model isn't theirs)
            _log.debug("the model can't be explained by %s", method, exc_info=True)


def _fields(
    found: Explained, method: str, predictions: np.ndarray, names: Sequence[str]
) -> dict[str, Any]:
    return {
        "base_value": float(found.base[0]) if found.has_one_base else found.base.tolist(),
        "contributions": [dict(zip(names, row, strict=True)) for row in found.shares.tolist()],
        "predictions": predictions.tolist(),
        "output": found.output,
        "method": method,
    }
