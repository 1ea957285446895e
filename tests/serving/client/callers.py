"""Both clients behind one way to ask, so that each scenario is told once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from serving.client import AsyncClient, Client, Prediction, Retries

TWINS = ("sync", "async")
QUICK = Retries(first_wait_s=0.001, longest_wait_s=0.002)
ROWS = [[1.0, 2.0]]


@dataclass(frozen=True)
class Caller:
    """A client; `predict` and `close` can be awaited, whichever it is."""

    client: Any
    predict: Callable[..., Awaitable[Prediction]]
    close: Callable[[], Awaitable[None]]


@asynccontextmanager
async def caller(twin: str, url: str, **settings: Any) -> AsyncIterator[Caller]:
    settings = {"retries": QUICK} | settings
    if twin == "async":
        async with AsyncClient(url, **settings) as client:
            yield Caller(client, client.predict, client.aclose)
        return
    with ThreadPoolExecutor(64) as threads, Client(url, **settings) as blocking:
        predict, close = (
            partial(_run, threads, blocking.predict),
            partial(_run, threads, blocking.close),
        )
        yield Caller(blocking, predict, close)


async def _run(threads: ThreadPoolExecutor, work: Callable[..., Any], *given: Any, **more: Any):
    return await asyncio.get_running_loop().run_in_executor(threads, partial(work, *given, **more))


async def until(is_so: Callable[[], bool]) -> None:
    """Wait for a condition that is on its way."""
    async with asyncio.timeout(20):
        while not is_so():
            await asyncio.sleep(0.001)
