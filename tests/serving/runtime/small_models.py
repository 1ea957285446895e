"""Served models around an engine of a test's own."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from serving.runtime.batcher import QueueLimits
from serving.runtime.columns import NUMBER, Column
from serving.runtime.engines.engine import Outputs
from serving.runtime.identity import Identity, ModelKind
from serving.runtime.model_files import ModelFacts
from serving.runtime.rows import Rows
from serving.runtime.served_model import ServedModel
from serving.runtime.signature import InputSignature

SIGNATURE = InputSignature((Column("a", NUMBER), Column("b", NUMBER)))
EXAMPLE = Rows(cells=[[1.0, 2.0], [3.0, 4.0]])


class OneEngine:
    """Answers each row as `answer` does; in a thread when it is slow."""

    name = "one"
    classes = None
    output_names = ("predictions",)

    def __init__(self, answer: Callable[[float], float] = float, *, is_slow: bool = False) -> None:
        self._answer = answer
        self._is_slow = is_slow

    def outputs(self, rows: Rows) -> Outputs:
        if self._is_slow:
            time.sleep(0.001)
        return {"predictions": np.array([self._answer(row[0]) for row in rows.cells])}


def model_of(
    engine: OneEngine | None = None,
    name: str = "small",
    version: str = "1",
    example: Rows | None = EXAMPLE,
    limits: QueueLimits | None = None,
) -> ServedModel:
    identity = Identity("service", name, version, "v1", ModelKind.REGRESSION)
    facts = ModelFacts(SIGNATURE, example)
    return ServedModel(identity, facts, engine or OneEngine(), limits or QueueLimits())


def one_row(number: float) -> Rows:
    return Rows(cells=[[number, 0.0]])
