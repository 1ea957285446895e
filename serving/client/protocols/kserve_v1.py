"""KServe's V1 protocol: `POST /v1/models/{model}:predict`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from serving.client.exchange import Question
from serving.client.protocols.codec import (
    JSON,
    Target,
    fields_of_json,
    model_of,
    to_json,
    without_version,
)
from serving.client.rows import Table


class KServeV1:
    """Rows under `instances`."""

    def question(self, table: Table, target: Target) -> Question:
        """Return the rows for the named model."""
        path = f"/v1/models/{quote(model_of(without_version(target)), safe='')}:predict"
        return Question(path, to_json({"instances": table.rows()}), JSON)

    def fields(self, body: bytes, headers: Mapping[str, str]) -> dict[str, Any]:
        """Return everything that the model's kind answers."""
        return fields_of_json(body)
