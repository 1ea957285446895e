"""Feast as an online store, asked through its Python feature server.

Only HTTP is spoken (`POST /get-online-features`): the feast package and its dependencies are
many times what a model server weighs, and would pin what models were trained with.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import aiohttp
import orjson

from serving.runtime.features.online_store import Found, Key, StoreError
from serving.runtime.features.section import FeastSection

_IDLE_S = 2.0
"""Feast's server ends idle connections after 5 seconds; ours are ended before they meet that."""
_LONGEST_DETAIL = 500
_PRESENT = "PRESENT"


class FeastStore:
    """Asks one feature server over a few connections; belongs to one event loop."""

    def __init__(self, section: FeastSection, entity: str, columns: Sequence[str]) -> None:
        self._url = f"{section.url.rstrip('/')}/get-online-features"
        self._what = _what(section)
        self._entity = entity
        self._columns = tuple(columns)
        self._session: aiohttp.ClientSession | None = None

    async def read(self, keys: Sequence[Key]) -> Found:
        """Return what Feast has; expired values and nulls are none."""
        status, body = await self._ask(self._what | {"entities": {self._entity: keys}})
        if status != 200:
            detail = body[:_LONGEST_DETAIL].decode("utf-8", "replace")
            raise StoreError(f"the feature store answered with status {status}", detail)
        return found_in(body, keys, self._columns)

    async def close(self) -> None:
        """Close the connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _ask(self, question: dict[str, Any]) -> tuple[int, bytes]:
        if self._session is None:
            self._session = _new_session()
        body = orjson.dumps(question)
        try:
            async with self._session.post(self._url, data=body) as answer:
                return answer.status, await answer.read()
        except (aiohttp.ClientError, OSError) as failure:
            why = f"{type(failure).__name__}: {failure}"
            raise StoreError("the feature store can't be reached", why) from None


def _what(section: FeastSection) -> dict[str, Any]:
    if section.feature_service is not None:
        return {"feature_service": section.feature_service}
    return {"features": section.references}


def _new_session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        # Whoever asks sets the time limit, and how many ask at once.
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_IDLE_S),
        timeout=aiohttp.ClientTimeout(total=None),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"content-type": "application/json"},
    )


def found_in(body: bytes, keys: Sequence[Key], columns: Sequence[str]) -> Found:
    """Return the features in an answer of Feast: one result for each feature, in the keys' order.

    Raises StoreError for an answer that lacks a column or isn't Feast's at all.
    """
    try:
        answer = orjson.loads(body)
        names = answer["metadata"]["feature_names"]
        by_name = dict(zip(names, answer["results"], strict=True))
        lacking = [name for name in columns if name not in by_name]
        results = [(name, _present(by_name[name])) for name in columns if name in by_name]
        found: dict[Key, dict[str, object]] = {key: {} for key in keys}
        for name, values in results:
            for key, value in zip(keys, values, strict=True):
                if value is not None:
                    found[key][name] = value
    except (ValueError, KeyError, TypeError) as failure:
        detail = f"{type(failure).__name__}: {failure}"
        raise StoreError("the feature store's answer can't be read", detail) from None
    if lacking:
        raise StoreError("the feature store lacks columns", f"no {', '.join(lacking)}")
    return found


def _present(result: dict[str, Any]) -> list[object]:
    """Return the values of one feature, None where Feast has none or an expired one."""
    pairs = zip(result["values"], result["statuses"], strict=True)
    return [value if status == _PRESENT else None for value, status in pairs]
