"""BentoML's time limit for a request, without what it leaks.

Its own keeps a timer and a future for every request until the limit is over, answered or not:
hundreds of megabytes at a thousand requests a second. Our predictions don't pass it; the routes
of people's own services do.
"""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.responses import JSONResponse

from serving.services.asgi import AsgiApp, AsgiReceive, AsgiScope, AsgiSend


class PromptTimeout:
    """Answers 504 when a request has no answer within `timeout` seconds; then forgets it."""

    def __init__(self, app: AsgiApp, timeout: float) -> None:
        self._app = app
        self._timeout = timeout

    async def __call__(self, scope: AsgiScope, receive: AsgiReceive, send: AsgiSend) -> None:
        """Run the request; once its answer has begun it may take as long as it likes."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        limit = asyncio.timeout(self._timeout)

        async def send_untimed(message: Any) -> None:
            limit.reschedule(None)
            await send(message)

        try:
            async with limit:
                await self._app(scope, receive, send_untimed)
        except TimeoutError:
            if not limit.expired():
                raise
            error = f"no answer within {self._timeout:g} seconds"
            await JSONResponse({"error": error}, status_code=504)(scope, receive, send)


def replace_bentoml_timeout() -> None:
    """Let services that are put together from now on in this process use ours."""
    from bentoml._internal.server.http import traffic

    traffic.TimeoutMiddleware = PromptTimeout
