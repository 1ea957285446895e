"""Where a model comes from that an admin asks for: BentoML's store, or the folder for models."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from serving.runtime.identity import Identity, ModelKind
from serving.services.turned_away import TurnedAwayError

if TYPE_CHECKING:
    from serving.runtime.served_model import ServedModel
    from serving.services.model_server import ModelServer

_NAME = r"^[A-Za-z0-9_.-]{1,80}$"

_log = logging.getLogger(__name__)


class LoadRequest(BaseModel):
    """The body of POST /admin/models: which model, under which name, from where."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(pattern=_NAME)]
    version: Annotated[str, Field(pattern=_NAME)]
    tag: str | None = None
    """A model of BentoML's model store, `name:version`."""
    artifact: Path | None = None
    """A folder that MLflow saved a model to, below the folder for models."""
    kind: ModelKind | None = None
    """What it answers with; the same as the service's own model when it isn't said."""

    def settled(self) -> LoadRequest:
        """Return it with a tag that goes on meaning the same model, unlike `latest`."""
        if self.tag is None:
            return self
        return self.model_copy(update={"tag": str(_stored(self.tag).tag)})


def load_model(server: ModelServer, asked: LoadRequest) -> ServedModel:
    """Load a model beside those that answer; TurnedAwayError when it can't be had.

    Takes as long as the model's libraries take to import, so it's for a thread.
    """
    kind = asked.kind or server.kind
    assert kind is not None
    place = _place(server, asked)
    identity = Identity(server.service, asked.name, asked.version, server.revision, kind)
    try:
        return server.load(place, identity)
    except (Exception, SystemExit) as failure:
        _log.exception("a model could not be loaded")
        has_words = isinstance(failure, (ValueError, OSError))
        words = str(failure) if has_words else type(failure).__name__
        raise TurnedAwayError(422, f"the model can't be loaded: {words}") from failure


def _place(server: ModelServer, asked: LoadRequest) -> Path:
    """Return the folder of the artifact; an admin's key opens no other folder than that one."""
    if asked.artifact is None:
        return Path(_stored(str(asked.tag)).path)
    allowed = server.settings.models_folder
    if allowed is None:
        raise TurnedAwayError(403, "no folder for models is set (TIFFIN_MODELS_FOLDER); send a tag")
    try:
        place = (allowed / asked.artifact).resolve()
    except (ValueError, RuntimeError):  # a null byte, or links that lead in a circle
        raise TurnedAwayError(400, "artifact: this can't be the name of a folder") from None
    if not place.is_relative_to(allowed.resolve()):
        raise TurnedAwayError(403, f"artifact: only folders below {allowed} may be loaded")
    return place


def _stored(tag: str) -> Any:
    import bentoml
    from bentoml.exceptions import BentoMLException

    try:
        return bentoml.models.get(tag)
    except (BentoMLException, ValueError) as refused:
        raise TurnedAwayError(404, f"tag: {' '.join(str(refused).split())}") from None
