from __future__ import annotations

import asyncio
import gc
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route

from serving.services.prompt_timeout import PromptTimeout


async def _never(request: Any) -> PlainTextResponse:
    await asyncio.Event().wait()
    raise AssertionError


async def _streaming(request: Any) -> StreamingResponse:
    async def parts() -> Any:
        yield b"a"
        await asyncio.sleep(0.2)
        yield b"b"

    return StreamingResponse(parts())


async def _own_timeout(request: Any) -> PlainTextResponse:
    raise TimeoutError


async def _at_once(request: Any) -> PlainTextResponse:
    return PlainTextResponse("ok")


def client(timeout: float) -> httpx.AsyncClient:
    routes = [
        Route("/never", _never),
        Route("/streaming", _streaming),
        Route("/own", _own_timeout),
        Route("/", _at_once),
    ]
    app: Any = PromptTimeout(Starlette(routes=routes), timeout=timeout)
    transport = httpx.ASGITransport(app)
    return httpx.AsyncClient(transport=transport, base_url="http://here")


async def get(path: str, timeout: float) -> httpx.Response:
    async with client(timeout) as asking:
        return await asking.get(path)


def test_a_request_without_an_answer_ends_with_504() -> None:
    answer = asyncio.run(get("/never", 0.05))
    assert (answer.status_code, "0.05" in answer.json()["error"]) == (504, True)


def test_an_answer_that_has_begun_may_take_longer() -> None:
    assert asyncio.run(get("/streaming", 0.1)).text == "ab"


def test_a_time_out_of_the_services_own_is_not_taken_for_ours() -> None:
    with pytest.raises(TimeoutError):
        asyncio.run(get("/own", 30))


def test_nothing_is_left_of_a_request_that_was_answered() -> None:
    async def scenario() -> None:
        async with client(3600) as asking:
            for _ in range(50):
                await asking.get("/")
            gc.collect()
            timers = [timer for timer in asyncio.get_running_loop()._scheduled if live(timer)]  # type: ignore[attr-defined]
            assert not timers

    def live(timer: asyncio.TimerHandle) -> bool:
        return not timer.cancelled()

    asyncio.run(scenario())
