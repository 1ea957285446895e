"""Makes the BentoML service of a tabular model; each kind's template is one call of this."""

from __future__ import annotations

import os
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import bentoml

from serving.runtime.identity import Identity, ModelKind
from serving.services.platform import PlatformService, read_settings

if TYPE_CHECKING:
    from serving.services.model_server import ModelServer


def tabular_service(
    *, tag: str, identity: Identity, description: str | None = None, **settings: Any
) -> Any:
    """Return a service that answers with the model `tag` of BentoML's model store.

    `settings` are those of ServerSettings; what the environment says wins over them.
    """
    server_settings = read_settings(**settings)

    @cache
    def make_server() -> ModelServer:
        from serving.services.model_server import ModelServer

        return ModelServer(identity.service, server_settings, identity.kind, identity.model_name)

    class TabularService:
        """Loads its model when a worker starts, which is ready once the model has answered."""

        model_files = bentoml.models.BentoModel(tag)

        def __init__(self) -> None:
            server = make_server()
            server.models.put(server.load(Path(self.model_files.path), identity))

    return bentoml.service(
        name=identity.service,
        description=description,
        service_class=partial(PlatformService, make_server=make_server),
        workers=server_settings.workers,
        # Nothing that BentoML would trace or log passes it, but for what no one wants to see.
        logging={"access": {"enabled": False}},
        tracing={"excluded_urls": [".*"]},
    )(TabularService)


class TabularTemplate:
    """Makes BentoML services; `bentoml serve module:svc` and `bentoml build` take them."""

    kind: ClassVar[ModelKind]

    @classmethod
    def create(
        cls, *, model: str, name: str, description: str | None = None, **settings: Any
    ) -> Any:
        """Return a service for `model`, a tag of BentoML's model store with an MLflow artifact.

        `settings` are those of ServerSettings; what the environment says wins over them.
        """
        identity = _identity_of_tag(model, name, cls.kind)
        return tabular_service(tag=model, identity=identity, description=description, **settings)


def _identity_of_tag(tag: str, service: str, kind: ModelKind) -> Identity:
    """Name a model after its tag; TIFFIN_MODEL_VERSION and TIFFIN_REVISION win over it."""
    name, _, version = tag.partition(":")
    return Identity(
        service=service,
        model_name=name,
        model_version=os.environ.get("TIFFIN_MODEL_VERSION", version or "latest"),
        revision=os.environ.get("TIFFIN_REVISION", "unknown"),
        kind=kind,
    )
