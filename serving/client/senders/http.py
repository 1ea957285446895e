"""HTTP/1.1 over httpx: the sync and the async twin."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx

from serving.client.exchange import Attempt, Reply
from serving.client.senders.bounded import BoundedTransport
from serving.client.senders.sender import failure_of
from serving.client.settings import Connections


class HttpSender:
    """For threads."""

    def __init__(self, url: str, connections: Connections) -> None:
        self._transport = BoundedTransport(connections.verify, _limits(connections))
        self._client = httpx.Client(base_url=url, transport=self._transport)

    def send(self, attempt: Attempt) -> Reply:
        """Return the reply; what it takes in all is bounded by the transport."""
        try:
            with self._transport.within(attempt.limit_s):
                return _reply(self._client.post(**_request(attempt)))
        except (httpx.HTTPError, TimeoutError) as error:
            raise failure_of(error, attempt) from error

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


class AsyncHttpSender:
    """For tasks."""

    def __init__(self, url: str, connections: Connections) -> None:
        transport = httpx.AsyncHTTPTransport(
            verify=connections.verify, limits=_limits(connections), trust_env=False
        )
        self._client = httpx.AsyncClient(base_url=url, transport=transport)

    async def send(self, attempt: Attempt) -> Reply:
        """Return the reply; httpx bounds each wait, and asyncio all of them together."""
        try:
            async with asyncio.timeout(attempt.limit_s):
                return _reply(await self._client.post(**_request(attempt)))
        except (httpx.HTTPError, TimeoutError) as error:
            raise failure_of(error, attempt) from error

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()


def _limits(connections: Connections) -> httpx.Limits:
    return httpx.Limits(
        max_connections=connections.most,
        max_keepalive_connections=connections.most,
        keepalive_expiry=connections.idle_s,
    )


def _request(attempt: Attempt) -> dict[str, Any]:
    """Return what httpx posts; a free connection is waited for as long as for a new one."""
    connect_s = attempt.connect_limit_s
    return {
        "url": attempt.question.path,
        "content": attempt.question.body,
        "headers": attempt.question.headers,
        "timeout": httpx.Timeout(attempt.limit_s, connect=connect_s, pool=connect_s),
    }


def _reply(response: httpx.Response) -> Reply:
    return Reply(response.status_code, response.headers, response.content)
