"""MLflow's scoring protocol: `POST /invocations`, as `mlflow models serve` answers it.

The body has exactly one of `dataframe_split`, `dataframe_records`, `instances` and `inputs`, or
is CSV with a header. As in MLflow, columns that the model doesn't read are left out, and fields
beside those four are ignored. Unlike MLflow, nothing is converted behind the caller's back: a
text is no number, and 30.5 is no whole number.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from serving.runtime.bad_input import BadInputError
from serving.runtime.engines.engine import Outputs
from serving.runtime.protocols.csv_body import rows_of_csv
from serving.runtime.protocols.json_body import Fields, media_type, parse_json
from serving.runtime.protocols.wire import (
    Question,
    UnsupportedMediaTypeError,
    WireAnswer,
    WireRequest,
    json_answer,
)
from serving.runtime.rows import Rows
from serving.runtime.signature import InputSignature

if TYPE_CHECKING:
    from serving.runtime.served_model import ServedModel

MLFLOW_VERSION = "3.17.2"
"""The MLflow whose protocol this is; GET /version says so to MLflow's clients."""

_CODES = {
    400: "BAD_REQUEST",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "REQUEST_LIMIT_EXCEEDED",
    500: "INTERNAL_ERROR",
    503: "TEMPORARILY_UNAVAILABLE",
}


class Invocations:
    """Reads and writes the bodies of /invocations."""

    name = "invocations"
    headers: tuple[str, ...] = ()

    def read(self, request: WireRequest, model: ServedModel) -> Question:
        """Return the rows of any of MLflow's formats."""
        if _is_csv(request.content_type):
            return Question(rows_of_csv(request.body, model.signature))
        body = parse_json(request.body)
        name = _format(body)
        return Question(_FORMATS[name](body[name], model.signature, name))  # type: ignore[index]

    def write(self, question: Question, outputs: Outputs, model: ServedModel) -> WireAnswer:
        """Return the predictions alone."""
        return json_answer(200, {"predictions": outputs["predictions"]})

    def refuse(self, status: int, sentence: str, path: str = "") -> WireAnswer:
        """Return MLflow's error code and message; for 415 it sends plain text."""
        message = f"{path}: {sentence}" if path else sentence
        if status == 415:
            return WireAnswer(status, message.encode(), "text/plain; charset=utf-8")
        code = _CODES.get(status, "BAD_REQUEST" if status < 500 else "INTERNAL_ERROR")
        return json_answer(status, {"error_code": code, "message": message})


INVOCATIONS = Invocations()


def ping() -> WireAnswer:
    """Return what GET /ping answers while a model is loaded; MLflow sends a line break."""
    return WireAnswer(200, b"\n")


def version() -> WireAnswer:
    """Return what GET /version answers."""
    return WireAnswer(200, MLFLOW_VERSION.encode())


def _is_csv(content_type: str) -> bool:
    """Tell CSV from JSON; anything else, and any charset but UTF-8, is refused."""
    if content_type in ("application/json", ""):
        return False
    parameters = {part.strip().lower() for part in content_type.split(";")[1:]}
    kind = media_type(content_type)
    if kind not in ("application/json", "text/csv") or not parameters <= _UTF_8:
        raise UnsupportedMediaTypeError(content_type, "application/json or text/csv in UTF-8")
    return kind == "text/csv"


_SPLIT = Fields("data", optional=("columns", "index"))
_UTF_8 = {"charset=utf-8", 'charset="utf-8"', ""}


def _format(body: object) -> str:
    given = [name for name in _FORMATS if name in body] if isinstance(body, dict) else []
    if len(given) != 1:
        words = f"send an object with exactly one of {', '.join(_FORMATS)}"
        raise BadInputError("", words)
    return given[0]


def _split(given: object, signature: InputSignature, path: str) -> Rows:
    fields = _SPLIT.of(given, path)
    data, columns, index = fields["data"], fields.get("columns"), fields.get("index")
    if isinstance(index, list) and isinstance(data, list) and len(index) != len(data):
        raise BadInputError(f"{path}.index", f"send {len(data)} entries, one for each row")
    path = f"{path}.data"
    if columns is None or not signature.named or columns == list(signature.names):
        return signature.checked(data, path)
    return signature.checked(_named(data, columns, signature, path), path)


def _named(data: object, columns: object, signature: InputSignature, path: str) -> object:
    """Give each row's values their names, since the columns come in the caller's own order."""
    if not isinstance(columns, list) or not all(isinstance(name, str) for name in columns):
        raise BadInputError("dataframe_split.columns", "send a list of names")
    if not isinstance(data, list):
        return data
    for index, row in enumerate(data):
        if not isinstance(row, list) or len(row) != len(columns):
            raise BadInputError(f"{path}[{index}]", f"send a list of {len(columns)} values")
    return _without_extras([dict(zip(columns, row, strict=True)) for row in data], signature)


def _records(given: object, signature: InputSignature, path: str) -> Rows:
    if not isinstance(given, list):
        raise BadInputError(path, "send a list of records")
    return signature.checked(_table(given, signature, path), path)


def _tensors(given: object, signature: InputSignature, path: str) -> Rows:
    """Read `instances` or `inputs`: rows, or an object of columns, or of one row's values."""
    if isinstance(given, dict):
        return _columns(given, signature, path)
    if len(signature.names) == 1 and isinstance(given, list) and _are_values(given):
        return signature.checked_columns({signature.names[0]: given}, path)
    return signature.checked(_table(given, signature, path), path)


def _columns(given: Mapping[str, Any], signature: InputSignature, path: str) -> Rows:
    columns = _without_extras([given], signature)[0]
    if _are_values(list(columns.values())):
        columns = {name: [value] for name, value in columns.items()}
    for name, values in columns.items():
        if not isinstance(values, list):
            raise BadInputError(f"{path}.{name[:80]}", "send a list, one value for each row")
    return signature.checked_columns(columns, path)


def _are_values(given: Sequence[Any]) -> bool:
    return not any(isinstance(value, (list, dict)) for value in given)


def _table(given: Any, signature: InputSignature, path: str) -> Any:
    """Return rows that the signature can check; a plain array's records lose their names."""
    if not isinstance(given, list) or not given or not isinstance(given[0], dict):
        return given
    if signature.named:
        return _without_extras(given, signature)
    names = given[0].keys()
    for index, row in enumerate(given):
        if not isinstance(row, dict) or row.keys() != names:
            raise BadInputError(f"{path}[{index}]", "send the same columns as in the first row")
    return [[row[name] for name in names] for row in given]


def _without_extras(rows: Sequence[Any], signature: InputSignature) -> list[Any]:
    """Leave out what the model doesn't read; a row that isn't longer has a wrong name instead."""
    return [
        {name: row[name] for name in signature.sendable if name in row}
        if isinstance(row, dict) and len(row) > len(signature.names)
        else row
        for row in rows
    ]


_FORMATS: Mapping[str, Callable[[object, InputSignature, str], Rows]] = {
    "dataframe_split": _split,
    "dataframe_records": _records,
    "instances": _tensors,
    "inputs": _tensors,
}
