"""KServe's V1 protocol, which is TensorFlow Serving's: `POST /v1/models/{name}:predict`.

The body is `{"instances": [...]}`, or `{"inputs": ...}` with rows or with one list per column.
The answer has `predictions`, as the protocol says, and the other fields of /predict beside them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from serving.runtime.bad_input import BadInputError
from serving.runtime.engines.engine import Outputs
from serving.runtime.protocols.answers import answer_fields
from serving.runtime.protocols.json_body import Fields, json_of
from serving.runtime.protocols.wire import Question, WireAnswer, WireRequest, json_answer
from serving.runtime.rows import Rows
from serving.runtime.signature import InputSignature

if TYPE_CHECKING:
    from serving.runtime.served_model import ServedModel

# TensorFlow's clients name a signature; a model here has one, so its name changes nothing.
_BY_ROW = Fields("instances", optional=("signature_name",))
_BY_INPUT = Fields("inputs", optional=("signature_name",))


class KServeV1:
    """Reads and writes the bodies of V1's `:predict`."""

    name = "kserve-v1"
    headers: tuple[str, ...] = ()

    def read(self, request: WireRequest, model: ServedModel) -> Question:
        """Return the rows of `instances`, or of `inputs`."""
        body = json_of(request)
        if isinstance(body, dict) and "inputs" in body and "instances" not in body:
            return Question(_inputs(_BY_INPUT.of(body)["inputs"], model.signature))
        rows = model.signature.checked(_BY_ROW.of(body)["instances"], "instances")
        return Question(rows)

    def write(self, question: Question, outputs: Outputs, model: ServedModel) -> WireAnswer:
        """Return `predictions`, and beside them what /predict answers too."""
        return json_answer(200, answer_fields(outputs, model))

    def refuse(self, status: int, sentence: str, path: str = "") -> WireAnswer:
        """Return the one field of V1's errors."""
        return json_answer(status, {"error": f"{path}: {sentence}" if path else sentence})


KSERVE_V1 = KServeV1()


def _inputs(given: object, signature: InputSignature) -> Rows:
    if isinstance(given, dict):
        return signature.checked_columns(_columns(given), "inputs")
    return signature.checked(given, "inputs")


def _columns(given: Mapping[str, object]) -> dict[str, list[Any]]:
    columns = {}
    for name, values in given.items():
        if not isinstance(values, list):
            raise BadInputError(f"inputs.{name[:80]}", "send a list, one value for each row")
        columns[name] = values
    return columns


def model_list(models: Iterable[ServedModel]) -> dict[str, Any]:
    """Return what GET /v1/models answers: each name once."""
    return {"models": list(dict.fromkeys(model.identity.model_name for model in models))}


def model_state(model: ServedModel, *, ready: bool = True) -> dict[str, Any]:
    """Return what GET /v1/models/{name} answers; a server that says not ready answers 503."""
    return {
        "name": model.identity.model_name,
        "version": model.identity.model_version,
        "platform": "mlflow",
        "ready": ready,
    }
