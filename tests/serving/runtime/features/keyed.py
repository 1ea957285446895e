"""A small model that may be asked by key, and stores that tests can watch and spoil."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import numpy as np

from serving.runtime.batcher import QueueLimits
from serving.runtime.columns import NUMBER, TEXT, WHOLE, Column
from serving.runtime.engines.engine import Outputs
from serving.runtime.features.keyed_model import KeyedModel
from serving.runtime.features.lookup import FeatureLookup
from serving.runtime.features.memory_store import MemoryStore
from serving.runtime.features.online_store import Found, Key, OnlineStore
from serving.runtime.features.open import ServerFeatures
from serving.runtime.features.section import FeaturesSection
from serving.runtime.identity import Identity, ModelKind
from serving.runtime.model_files import ModelFacts
from serving.runtime.rows import Rows
from serving.runtime.signature import InputSignature

SIGNATURE = InputSignature(
    (Column("amount", NUMBER), Column("age", WHOLE), Column("home", TEXT)),
)
CUSTOMERS: list[dict[str, Any]] = [
    {"customer_id": 1, "age": 30, "home": "rent"},
    {"customer_id": 2, "age": 40, "home": "own"},
    {"customer_id": 3, "age": 50, "home": None},
    {"customer_id": 4, "age": "old", "home": "own"},
]


def section(**changes: Any) -> FeaturesSection:
    fields = {
        "entity": "customer_id",
        "columns": ["age", "home"],
        "store": {"file": "/customers.json"},
        "defaults": {"home": "none"},
    }
    return FeaturesSection.model_validate(fields | changes)


class WatchedStore:
    """What MemoryStore has, and what it was asked."""

    def __init__(self) -> None:
        self.questions: list[tuple[Key, ...]] = []
        self._store = MemoryStore(CUSTOMERS, "customer_id", ["age", "home"])

    async def read(self, keys: Sequence[Key]) -> Found:
        self.questions.append(tuple(keys))
        return await self._store.read(keys)

    async def close(self) -> None:
        pass


class SilentStore:
    """Answers when it is let go, and not before."""

    def __init__(self) -> None:
        self.asked = 0
        self.may_answer = asyncio.Event()

    async def read(self, keys: Sequence[Key]) -> Found:
        self.asked += 1
        await self.may_answer.wait()
        return {}

    async def close(self) -> None:
        pass


class Telling:
    """Answers each row with what it has read: `amount age home`."""

    name = "telling"
    classes = None
    output_names = ("predictions",)

    def outputs(self, rows: Rows) -> Outputs:
        told = [" ".join(map(str, row)) for row in rows.cells]
        return {"predictions": np.array(told, dtype=object)}


def keyed_model(
    store: OnlineStore,
    features: FeaturesSection | None = None,
    name: str = "keyed",
    timeout_s: float = 30,
) -> KeyedModel:
    identity = Identity("service", name, "1", "v1", ModelKind.CLASSIFICATION)
    return KeyedModel(
        identity,
        ModelFacts(SIGNATURE, Rows(cells=[[1.0, 2, "own"]])),
        Telling(),
        QueueLimits(),
        features=ServerFeatures(features or section(), FeatureLookup(store, timeout_s)),
    )
