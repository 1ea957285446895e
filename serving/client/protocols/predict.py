"""`POST /predict`, this house's own protocol."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from serving.client.exchange import Question
from serving.client.protocols.codec import (
    JSON,
    Target,
    fields_of_json,
    to_json,
    without_version,
)
from serving.client.rows import Table


class Predict:
    """Rows under `input_data`, as lists, as objects or mixed."""

    def question(self, table: Table, target: Target) -> Question:
        """Return the rows for the named model, or for the server's first."""
        model = without_version(target).model
        path = "/predict" if model is None else f"/{quote(model, safe='')}/predict"
        return Question(path, to_json({"input_data": {"features": table.rows()}}), JSON)

    def fields(self, body: bytes, headers: Mapping[str, str]) -> dict[str, Any]:
        """Return everything that the model's kind answers."""
        return fields_of_json(body)
