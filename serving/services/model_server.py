"""What one server process holds: its models, its keys, and whether it is stopping."""

from __future__ import annotations

import asyncio
import os

from serving.runtime.explanations.process import Explanations
from serving.runtime.identity import ModelKind
from serving.runtime.model_table import ModelTable
from serving.runtime.settings import ServerSettings
from serving.services.backlog import Backlog
from serving.services.drain import Drain
from serving.services.journal import Journal
from serving.services.keys import KeyRing


class ModelServer:
    """Made once per process; `kind` is None for a service that answers in its own way."""

    def __init__(self, service: str, settings: ServerSettings, kind: ModelKind | None) -> None:
        self.service = service
        self.settings = settings
        self.kind = kind
        self.revision = os.environ.get("TIFFIN_REVISION", "unknown")
        self.models = ModelTable()
        self.loading = asyncio.Lock()
        """One model at a time: loading takes the time of the others' answers."""
        self.explanations = Explanations()
        self.keys = KeyRing(settings.keys_file)
        # What the loop hasn't read yet when it begins a round waits as long again.
        self.backlog = Backlog(settings.max_queue_seconds / 2)
        self.drain = Drain(settings.drain_seconds)
        self.journal = Journal(log_requests=settings.log_requests)

    @property
    def answers_predictions(self) -> bool:
        """True for the services of ours; people's own have their own ways."""
        return self.kind is not None

    @property
    def is_ready(self) -> bool:
        """True while requests should come here."""
        return not self.drain.is_draining

    def close(self) -> None:
        """Let go of everything, after the last answer."""
        for model in self.models.all():
            model.close()
        self.explanations.close()
        if self.journal.tracing is not None:
            self.journal.tracing.close()
