"""The models that were loaded over the admin API, kept for the server's next start.

They are a list in one small file, which is replaced in one step: a server killed at any instant
finds the old list or the new one. A model that can't be loaded again stays in the list, since its
folder may only be away; unloading it takes it out.
"""

from __future__ import annotations

import asyncio
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import TypeAdapter, ValidationError

from serving.services.model_source import LoadRequest, load_model
from serving.services.turned_away import TurnedAwayError

if TYPE_CHECKING:
    from serving.services.model_server import ModelServer

_LIST = TypeAdapter(tuple[LoadRequest, ...])

_log = logging.getLogger(__name__)


class KeptModels:
    """Belongs to one event loop, in which what it notes goes with what the model table holds.

    Without a folder nothing outlasts the process.
    """

    def __init__(self, folder: Path | None) -> None:
        self._file = None if folder is None else folder / "models.json"
        self._models: dict[tuple[str, str], LoadRequest] = {}
        self._saving = asyncio.Lock()

    def all(self) -> tuple[LoadRequest, ...]:
        """Return what is noted, the model that was loaded last at the end."""
        return tuple(self._models.values())

    def note(self, model: LoadRequest) -> None:
        """Note a model that was loaded."""
        self._models.pop((model.name, model.version), None)
        self._models[model.name, model.version] = model

    def forget(self, name: str, version: str | None = None) -> bool:
        """Forget one version, or all; return whether any was noted."""
        gone = [key for key in self._models if key[0] == name and version in (None, key[1])]
        for key in gone:
            del self._models[key]
        return bool(gone)

    def read(self) -> None:
        """Note what the file says; a broken file is logged and says nothing."""
        try:
            text = b"[]" if self._file is None else self._file.read_bytes()
            for model in _LIST.validate_json(text):
                self.note(model)
        except FileNotFoundError:
            return
        except (OSError, ValidationError) as error:
            _log.error("the list of loaded models in %s can't be read: %s", self._file, error)

    async def save(self) -> None:
        """Write down what is noted by now; raises OSError when the file can't be written."""
        async with self._saving:
            if self._file is not None:
                text = _LIST.dump_json(self.all(), indent=1, exclude_none=True)
                await asyncio.to_thread(_replace, self._file, text)


def _replace(file: Path, text: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_suffix(".draft")
    with draft.open("wb") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    draft.replace(file)


async def load_kept(server: ModelServer) -> None:
    """Load the kept models after the service's own; one that can't be loaded is only logged."""
    server.kept.read()
    for asked in server.kept.all():
        try:
            model = await asyncio.to_thread(load_model, server, asked)
        except TurnedAwayError as refused:
            _log.error("%s version %s is not back: %s", asked.name, asked.version, refused.sentence)
        else:
            server.models.put(model)
            _log.info("loaded %s version %s again", asked.name, asked.version)
