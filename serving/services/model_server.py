"""What one server process holds: its models, its keys, and whether it is stopping."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING

from serving.runtime.explanations.process import Explanations
from serving.runtime.identity import Identity, ModelKind
from serving.runtime.model_table import ModelTable
from serving.runtime.served_model import ServedModel
from serving.runtime.settings import ServerSettings
from serving.services.backlog import Backlog
from serving.services.drain import Drain
from serving.services.journal import Journal
from serving.services.kept_models import KeptModels
from serving.services.keys import KeyRing

if TYPE_CHECKING:
    from serving.runtime.features.open import ServerFeatures


class ModelServer:
    """Made once per process; `kind` is None for a service that answers in its own way.

    `model` is the name of the service's own model, the one that may be asked by key.
    """

    def __init__(
        self,
        service: str,
        settings: ServerSettings,
        kind: ModelKind | None,
        model: str | None = None,
    ) -> None:
        self.service = service
        self.model = model
        self.settings = settings
        self.kind = kind
        self.revision = os.environ.get("TIFFIN_REVISION", "unknown")
        self.models = ModelTable()
        self.loading = asyncio.Lock()
        """One model at a time: loading takes the time of the others' answers."""
        self.kept = KeptModels(settings.state_folder)
        self.explanations = Explanations()
        self.features = _features(settings)
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

    def load(self, artifact: Path, identity: Identity) -> ServedModel:
        """Load a model as this server answers it; raises what ServedModel.load does."""
        if self.features is None or identity.model_name != self.model:
            return ServedModel.load(artifact, identity, self.settings)
        from serving.runtime.features.keyed_model import KeyedModel

        return KeyedModel.load_keyed(artifact, identity, self.settings, self.features)

    async def close(self) -> None:
        """Let go of everything, after the last answer."""
        for model in self.models.all():
            model.close()
        self.explanations.close()
        if self.features is not None:
            await self.features.lookup.close()
        if self.journal.tracing is not None:
            self.journal.tracing.close()


def _features(settings: ServerSettings) -> ServerFeatures | None:
    if settings.features_file is None:
        return None
    from serving.runtime.features.open import open_features

    return open_features(settings.features_file)
