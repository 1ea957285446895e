"""The application, made at its first request: every Airflow process loads the plugin, one serves.

Importing FastAPI's world in the scheduler and in each task would cost them a second.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import cached_property
from typing import Any


class LazyApp:
    """An ASGI application that stands for `embedded_app`."""

    @cached_property
    def _app(self) -> Callable[..., Awaitable[None]]:
        from tiffin_airflow.webhooks.app import embedded_app

        return embedded_app()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass the request on."""
        await self._app(scope, receive, send)
