"""What the platform puts around a BentoML service: probes, drain, logs, and the fast path.

    @with_platform(traffic={"timeout": 60})
    class Chat:
        @bentoml.api
        def answer(self, question: str) -> str: ...

takes the place of `@bentoml.service(...)`, and its arguments. What it makes is a BentoML service
like any other. Heavy things are imported in the worker processes only: BentoML's arbiter imports
a service as well, and so does a build.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import attrs
import bentoml
from bentoml.exceptions import BentoMLConfigException

from serving.runtime.settings import BadSettingError, ServerSettings
from serving.services.keys import read_keys

if TYPE_CHECKING:
    from serving.services.model_server import ModelServer


@attrs.define(eq=False)  # BentoML puts services into sets
class PlatformService(bentoml.Service):  # type: ignore[misc]
    """A BentoML service that is served with the platform around it."""

    make_server: Callable[[], ModelServer] | None = None

    def to_asgi(self, is_main: bool = True) -> Any:
        """Return the application that uvicorn runs in a worker process."""
        from serving.services.application import application
        from serving.services.prompt_timeout import replace_bentoml_timeout

        assert self.make_server is not None
        replace_bentoml_timeout()
        return application(self.make_server(), super().to_asgi(is_main))


def with_platform(**of_the_service: Any) -> Callable[[type], Any]:
    """Make a BentoML service of a class, as `bentoml.service` does with the same arguments."""

    def decorate(inner: type) -> Any:
        name = of_the_service.get("name") or inner.__name__
        make_server = partial(_server_of_ones_own, name, read_settings())
        service_class = partial(PlatformService, make_server=make_server)
        return bentoml.service(service_class=service_class, **of_the_service)(inner)

    return decorate


def _server_of_ones_own(name: str, settings: ServerSettings) -> ModelServer:
    from serving.services.model_server import ModelServer

    return ModelServer(name, settings, kind=None)


def read_settings(**defaults: Any) -> ServerSettings:
    """Read the settings; a bad one ends `bentoml serve` with one sentence."""
    try:
        settings = ServerSettings.read(**defaults)
        if settings.keys_file is not None:
            read_keys(settings.keys_file)
        if settings.features_file is not None:
            from serving.runtime.features.section import read_features

            read_features(settings.features_file)
    except BadSettingError as refused:
        raise BentoMLConfigException(str(refused)) from None
    return settings
