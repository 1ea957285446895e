from __future__ import annotations

import asyncio
import gc
from typing import Any

import pytest

from serving.runtime.settings import ServerSettings
from serving.services.application import application
from serving.services.model_server import ModelServer
from tests.serving.services.small_site import BENTOML


@pytest.mark.parametrize("kind", [None, "regression"])
def test_what_a_server_has_loaded_is_no_work_for_the_garbage_collector(kind: Any) -> None:
    sent: list[Any] = []

    async def scenario() -> None:
        told = asyncio.Queue[Any]()
        told.put_nowait({"type": "lifespan.startup"})
        told.put_nowait({"type": "lifespan.shutdown"})

        async def send(message: Any) -> None:
            sent.append((message["type"], gc.get_freeze_count() > 0))

        app = application(ModelServer("service", ServerSettings(), kind), BENTOML)
        await app({"type": "lifespan", "state": {}}, told.get, send)

    gc.unfreeze()
    try:
        asyncio.run(scenario())
    finally:
        gc.unfreeze()
    assert ("lifespan.startup.complete", True) in sent
