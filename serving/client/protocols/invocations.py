"""MLflow's scoring protocol: `POST /invocations`; also asks a server of MLflow's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from serving.client.exchange import Question
from serving.client.protocols.codec import (
    JSON,
    Target,
    fields_of_json,
    to_json,
    without_version,
)
from serving.client.rows import Table
from serving.client.tensors import UnsendableError


class Invocations:
    """Named columns as `dataframe_records`, plain rows as `inputs`."""

    def question(self, table: Table, target: Target) -> Question:
        """Return the rows; the server has one model, which can't be named."""
        if without_version(target).model is not None:
            raise UnsendableError("model", "this protocol can't ask for a model by its name")
        name = "inputs" if table.column_names is None else "dataframe_records"
        return Question("/invocations", to_json({name: table.rows()}), JSON)

    def fields(self, body: bytes, headers: Mapping[str, str]) -> dict[str, Any]:
        """Return the predictions; MLflow answers nothing else."""
        return fields_of_json(body)
