"""One model that answers: its engine, the queue before it, and what is counted about it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from serving.runtime.batcher import NaturalBatcher, QueueLimits
from serving.runtime.engines.engine import Engine, Outputs
from serving.runtime.engines.open import open_engine
from serving.runtime.errors import ModelAnswerError
from serving.runtime.identity import Identity
from serving.runtime.memory import give_back_when_gone
from serving.runtime.metrics import PredictionMetrics
from serving.runtime.model_files import ModelFacts, read_facts
from serving.runtime.outputs import checked_outputs
from serving.runtime.pace import UNKNOWN_PACE, Pace, measured_pace
from serving.runtime.rows import Rows
from serving.runtime.settings import ServerSettings
from serving.runtime.signature import InputSignature

_log = logging.getLogger(__name__)


class ServedModel:
    """Answers checked rows. Whoever holds it may ask it, also after it was closed."""

    def __init__(
        self,
        identity: Identity,
        facts: ModelFacts,
        engine: Engine,
        limits: QueueLimits,
        artifact: Path | None = None,
    ) -> None:
        self.identity = identity
        self.signature: InputSignature = facts.signature
        self.example: Rows | None = facts.example
        self.inference = facts.inference
        self.engine = engine
        self.artifact = artifact
        self.first_answer: Outputs | None = None
        """What the model says of its input example."""
        self._compute = _checking(engine)
        pace = self._warmed_up()
        self.metrics = PredictionMetrics(identity)
        self._batcher = NaturalBatcher(self._compute, pace, limits, self.metrics)

    @classmethod
    def load(cls, artifact: Path, identity: Identity, settings: ServerSettings) -> ServedModel:
        """Load the model and let it answer its own example, so that the first caller isn't slow.

        Raises ValueError for an artifact that is no model, and what the model raises when it
        can't answer its own example. Takes as long as the model's libraries take to import.
        """
        facts = read_facts(artifact)
        engine = open_engine(artifact, identity.kind, settings)
        return cls(identity, facts, engine, limits_of(settings), artifact)

    async def completed(self, rows: Rows) -> Rows:
        """Return rows that its signature has read as `answer` gives them to the engine."""
        return rows

    async def answer(self, rows: Rows, *, is_alone: bool = True) -> Outputs:
        """Answer the rows, by themselves or in one call with other requests' rows.

        Where others are about to ask (not `is_alone`) it's one call with theirs. Raises
        OverloadedError, ModelAnswerError, or what the model itself raises.
        """
        return await self._batcher.answer(rows, is_alone=is_alone)

    def answer_at_once(self, rows: Rows) -> Outputs | None:
        """Answer the rows as `answer` does, or return None when they would have to wait."""
        return self._batcher.answer_at_once(rows)

    @property
    def is_quick(self) -> bool:
        """True while `answer_at_once` has an answer to one row."""
        return self._batcher.is_quick

    @property
    def is_full(self) -> bool:
        """True when `answer` would refuse whoever comes now, whatever they ask."""
        return self._batcher.is_full

    def answer_now(self, rows: Rows) -> Outputs:
        """Answer the rows in this thread; not beside `answer`."""
        return self._compute(rows)

    async def idle(self) -> None:
        """Wait until no request is queued or being computed."""
        await self._batcher.idle()

    def close(self) -> None:
        """Take the model out of the metrics; may be called twice.

        Requests that have already found it are still answered, and when the last of them lets
        it go the memory goes back to the machine.
        """
        self.metrics.unloaded()
        give_back_when_gone(self)

    def _warmed_up(self) -> Pace:
        if self.example is not None:
            self.first_answer = self.answer_now(self.example)
            return measured_pace(self.engine, self.example.part(0, 1))
        try:
            return measured_pace(self.engine, self.signature.made_up_row)
        except Exception:  # noqa: BLE001 (a made-up row may be nothing that this model can answer)
            _log.info("the model has no input example, so its first calls will be slow")
            return Pace(*UNKNOWN_PACE)


def limits_of(settings: ServerSettings) -> QueueLimits:
    """Return what the settings say about the queue."""
    return QueueLimits(
        batch_rows=settings.max_batch_size,
        wait_s=settings.max_queue_seconds,
        queue_bytes=settings.max_queue_bytes,
        linger_s=settings.batch_timeout_ms / 1000,
    )


def _checking(engine: Engine) -> Callable[[Rows], Outputs]:
    def compute(rows: Rows) -> Outputs:
        try:
            outputs = engine.outputs(rows)
        except Exception:
            raise
        except BaseException as end:  # `sys.exit()` in a model ends one request, not the server
            raise ModelAnswerError(f"the model ended with {type(end).__name__}") from end
        return checked_outputs(outputs, rows.count)

    return compute
