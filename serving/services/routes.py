"""Which paths ask for a prediction, in which protocol, and of which model."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from serving.runtime.protocols.input_data import INPUT_DATA
from serving.runtime.protocols.invocations import INVOCATIONS
from serving.runtime.protocols.kserve_v1 import KSERVE_V1
from serving.runtime.protocols.open_inference import OPEN_INFERENCE
from serving.runtime.protocols.wire import WireProtocol

PREDICT = "/predict"
MODEL_PREDICT = "/{model}/predict"
INVOKE = "/invocations"
V1_PREDICT = "/v1/models/{model}:predict"
V2_INFER = "/v2/models/{model}/infer"
V2_VERSION_INFER = "/v2/models/{model}/versions/{version}/infer"
EXPLAIN = "/explain"
MODEL_EXPLAIN = "/{model}/explain"


@dataclass(frozen=True, slots=True)
class Route:
    """Where a prediction was asked for; no model means the server's first."""

    protocol: WireProtocol
    template: str
    """The path with names for its parts: what logs and traces say, so that it stays one of few."""
    model: str | None = None
    version: str | None = None


_LONGEST_REMEMBERED = 256
_FIXED = {PREDICT: Route(INPUT_DATA, PREDICT), INVOKE: Route(INVOCATIONS, INVOKE)}


def find_route(path: str) -> Route | None:
    """Return the route of a POST to `path`, or None where no prediction is asked for."""
    fixed = _FIXED.get(path)
    if fixed is not None:
        return fixed
    return _remembered(path) if len(path) <= _LONGEST_REMEMBERED else _found(path)


@lru_cache(maxsize=1024)
def _remembered(path: str) -> Route | None:
    return _found(path)


def _found(path: str) -> Route | None:
    match path.split("/"):
        case ["", "v1", "models", last] if last.endswith(":predict") and last != ":predict":
            return Route(KSERVE_V1, V1_PREDICT, last.removesuffix(":predict"))
        case ["", "v2", "models", model, "infer"] if model:
            return Route(OPEN_INFERENCE, V2_INFER, model)
        case ["", "v2", "models", model, "versions", version, "infer"] if model and version:
            return Route(OPEN_INFERENCE, V2_VERSION_INFER, model, version)
        case ["", model, "predict"] if model:
            return Route(INPUT_DATA, MODEL_PREDICT, model)
    return None
