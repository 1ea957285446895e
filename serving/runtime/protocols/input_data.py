"""`POST /predict`: rows under `input_data`, as BentoML services of this house take them.

The body is `{"input_data": {"features": [...], "model_type": "..."}}`, each row a list or an
object of named columns; `features` may also be one row by itself. One row of a model with named
columns may come without any envelope, as the plain object of its columns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from serving.runtime.bad_input import BadInputError
from serving.runtime.engines.engine import Outputs
from serving.runtime.protocols.answers import answer_fields
from serving.runtime.protocols.json_body import Fields, json_of
from serving.runtime.protocols.wire import Question, WireAnswer, WireRequest, json_answer
from serving.runtime.rows import Rows
from serving.runtime.signature import InputSignature

if TYPE_CHECKING:
    from serving.runtime.served_model import ServedModel

_ENVELOPE = "input_data"
_BODY = Fields(_ENVELOPE)
_INPUT_DATA = Fields("features", optional=("model_type",))


class InputData:
    """Reads and writes the bodies of /predict."""

    name = "predict"
    headers: tuple[str, ...] = ()

    def read(self, request: WireRequest, model: ServedModel) -> Question:
        """Return the rows of the body."""
        body = json_of(request)
        if _is_typed_row(body, model.signature):
            return Question(model.signature.checked_row(body, ""))
        path = f"{_ENVELOPE}.features"
        return Question(_rows(model.signature, _features(body, model), path))

    def write(self, question: Question, outputs: Outputs, model: ServedModel) -> WireAnswer:
        """Return predictions, what the kind adds to them, and the model's name and version."""
        return json_answer(200, answer_fields(outputs, model))

    def refuse(self, status: int, sentence: str, path: str = "") -> WireAnswer:
        """Return the sentence after its path, and the path once more for programs."""
        error = f"{path}: {sentence}" if path else sentence
        return json_answer(status, {"error": error, "path": path})


INPUT_DATA = InputData()


def _is_typed_row(body: object, signature: InputSignature) -> bool:
    if not isinstance(body, dict) or _ENVELOPE in body:
        return False
    return any(name in body for name in signature.sendable)


def _features(body: object, model: ServedModel) -> object:
    fields = _INPUT_DATA.of(_BODY.of(body)[_ENVELOPE], _ENVELOPE)
    kind = model.identity.kind.value
    if fields.get("model_type", kind) != kind:
        raise BadInputError(f"{_ENVELOPE}.model_type", f"this service answers {kind}")
    return fields["features"]


def _rows(signature: InputSignature, features: object, path: str) -> Rows:
    if _is_one_row(features):
        return signature.checked_row(features, path)
    return signature.checked(features, path)


def _is_one_row(features: object) -> bool:
    if not isinstance(features, list):
        return isinstance(features, dict)
    if not features or isinstance(features[0], (list, dict)):
        return False
    return not any(isinstance(value, (list, dict)) for value in features)
