"""A model that may be asked by key: it looks up what wasn't sent, then answers as any other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from time import perf_counter

import numpy as np

from serving.runtime.batcher import QueueLimits
from serving.runtime.engines.engine import Engine, Outputs
from serving.runtime.engines.open import open_engine
from serving.runtime.features.filling import Filled, Filler, outcome_of
from serving.runtime.features.keyed_rows import KeyedRows
from serving.runtime.features.keyed_signature import KeyedSignature
from serving.runtime.features.metrics import LookupMetrics
from serving.runtime.features.open import ServerFeatures
from serving.runtime.identity import Identity
from serving.runtime.model_files import ModelFacts, read_facts
from serving.runtime.rows import Rows
from serving.runtime.served_model import ServedModel, limits_of
from serving.runtime.settings import ServerSettings

DEFAULTED = "features_defaulted"
"""The output that says for each row which columns have their default."""


class KeyedModel(ServedModel):
    """Reads rows with holes, which its signature makes of rows by key."""

    def __init__(
        self,
        identity: Identity,
        facts: ModelFacts,
        engine: Engine,
        limits: QueueLimits,
        artifact: Path | None = None,
        *,
        features: ServerFeatures,
    ) -> None:
        """Raise ValueError where the features don't fit the model."""
        signature = KeyedSignature.of(facts.signature, features.section)
        super().__init__(identity, replace(facts, signature=signature), engine, limits, artifact)
        self._lookup = features.lookup
        self._filler = Filler(signature.columns, features.section)
        self._lookups = LookupMetrics(identity, features.section.columns)

    @classmethod
    def load_keyed(
        cls, artifact: Path, identity: Identity, settings: ServerSettings, features: ServerFeatures
    ) -> KeyedModel:
        """Load as ServedModel.load does."""
        facts, engine = read_facts(artifact), open_engine(artifact, identity.kind, settings)
        limits = limits_of(settings)
        return cls(identity, facts, engine, limits, artifact, features=features)

    async def completed(self, rows: Rows) -> Rows:
        """Return the rows with all their columns; raises what filling raises."""
        if not isinstance(rows, KeyedRows):
            return rows
        return (await self._filled(rows)).rows

    def answer_at_once(self, rows: Rows) -> Outputs | None:
        """Answer rows without holes; the others have to wait for the store."""
        return None if isinstance(rows, KeyedRows) else super().answer_at_once(rows)

    async def answer(self, rows: Rows, *, is_alone: bool = True) -> Outputs:
        """Answer rows with and without holes; those with holes say what came by default."""
        if not isinstance(rows, KeyedRows):
            return await super().answer(rows, is_alone=is_alone)
        filled = await self._filled(rows)
        outputs = await super().answer(filled.rows, is_alone=is_alone)
        names = [",".join(columns) for columns in filled.defaulted]
        return outputs | {DEFAULTED: np.array(names, dtype=object)}

    async def _filled(self, asked: KeyedRows) -> Filled:
        started = perf_counter()
        found = await self._lookup.read(asked.wanted)
        outcome = outcome_of(asked, found, self.signature.columns)
        self._lookups.looked_up(outcome, perf_counter() - started)
        filled = self._filler.filled(asked, found)
        self._lookups.defaulted(filled.defaulted)
        return filled
