"""Three small models that answer in a microsecond or two, one of each kind and with each type."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import numpy as np
import orjson
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LinearRegression, LogisticRegression, Perceptron
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from serving.runtime.engines.native import NativeEngine
from serving.runtime.identity import Identity, ModelKind
from serving.runtime.model_files import LoadedModel, ModelFacts
from serving.runtime.protocols.wire import WireProtocol, WireRequest
from serving.runtime.served_model import ServedModel, limits_of
from serving.runtime.settings import ServerSettings
from serving.runtime.signature import read_signature

PEOPLE = pd.DataFrame(
    {
        "age": [20, 30, 40, 50],
        "income": [1.5, 2.5, 3.5, 9.5],
        "home": ["own", "rent", "own", "rent"],
        "married": [True, False, True, True],
    }
)
STATUS = np.array(["good", "bad", "good", "bad"], dtype=object)
PERSON: dict[str, Any] = {"age": 30, "income": 2.5, "home": "rent", "married": True}
POINTS = np.array([[0.0, 1, 2], [1, 2, 3], [2, 2, 9]])
HEIGHTS = np.array([1.0, 2, 3])
ONE = pd.DataFrame({"a": POINTS[:, 0]})


class WithInterval(LinearRegression):
    def predict_interval(self, table: Any) -> np.ndarray:
        middle = self.predict(table)
        return np.column_stack([middle - 1, middle + 1])


def classifier() -> Any:
    homes = make_column_transformer((OneHotEncoder(), ["home"]), remainder="passthrough")
    return make_pipeline(homes, LogisticRegression()).fit(PEOPLE, STATUS)


def regressor() -> Any:
    return WithInterval().fit(POINTS, HEIGHTS)


def one_column() -> Any:
    return LinearRegression().fit(ONE, HEIGHTS)


def sure_classifier() -> Any:
    return Perceptron().fit(POINTS, ["low", "low", "high"])


class Sign:
    """Answers labels that it never named."""

    def predict(self, table: Any) -> np.ndarray:
        return np.sign(table[:, 0]).astype(int)


PEOPLE_SIGNATURE = read_signature(
    json.dumps(
        [
            {"type": kind, "name": name}
            for name, kind in zip(PERSON, ["long", "double", "string", "boolean"], strict=True)
        ]
    )
)
POINTS_SIGNATURE = read_signature(
    json.dumps([{"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": [-1, 3]}}])
)
ONE_SIGNATURE = read_signature(json.dumps([{"type": "double", "name": "a"}]))


_MAKERS = {
    "people": (classifier, PEOPLE_SIGNATURE, ModelKind.CLASSIFICATION),
    "points": (regressor, POINTS_SIGNATURE, ModelKind.REGRESSION),
    "effects": (regressor, POINTS_SIGNATURE, ModelKind.CAUSAL),
    "one": (one_column, ONE_SIGNATURE, ModelKind.REGRESSION),
    "sure": (sure_classifier, POINTS_SIGNATURE, ModelKind.CLASSIFICATION),
    "sign": (Sign, POINTS_SIGNATURE, ModelKind.CLASSIFICATION),
}


@cache
def served(name: str) -> ServedModel:
    make, signature, kind = _MAKERS[name]
    example = signature.checked([_EXAMPLES[name]])
    engine = NativeEngine(LoadedModel(make(), signature), kind)
    identity = Identity("tiny", name, "7", "v7-test", kind)
    return ServedModel(
        identity, ModelFacts(signature, example), engine, limits_of(ServerSettings())
    )


_EXAMPLES: dict[str, Any] = {
    "people": PERSON,
    "points": [1, 2, 3],
    "effects": [1, 2, 3],
    "one": [1.5],
    "sure": [1, 2, 3],
    "sign": [1, 2, 3],
}


def answered(protocol: WireProtocol, request: WireRequest, model: ServedModel) -> Any:
    """Read, compute and write, as a server does; return the answer's JSON."""
    question = protocol.read(request, model)
    return orjson.loads(protocol.write(question, model.answer_now(question.rows), model).body)
