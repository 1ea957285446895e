"""The only way of a model server to its online store, which may be slow or gone.

Whatever the store does, a request waits no longer than the time limit, and a store that is down
is left alone: requests then get their defaults, or their refusal, at once.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from time import monotonic

from serving.runtime.features.breaker import Breaker
from serving.runtime.features.online_store import Found, Key, OnlineStore, Outcome, StoreError

MOST_AT_ONCE = 64
"""Questions that this process has with the store; whoever comes then is not kept waiting."""
_TELL_EVERY_S = 1.0

_log = logging.getLogger(__name__)


class FeatureLookup:
    """Asks within a time limit, and not at all where that is no use; belongs to one event loop."""

    def __init__(self, store: OnlineStore, timeout_s: float) -> None:
        self._store = store
        self._timeout_s = timeout_s
        self._breaker = Breaker()
        self._asking = 0
        self._failures = 0
        self._told_at = 0.0

    async def read(self, keys: Sequence[Key]) -> Found | StoreError:
        """Return what the store has for these keys, which differ, or why it gave no answer."""
        if self._asking >= MOST_AT_ONCE:
            return StoreError("the feature store is busy", outcome=Outcome.SKIPPED)
        if not self._breaker.lets_through(monotonic()):
            return StoreError("the feature store is down", outcome=Outcome.SKIPPED)
        self._asking += 1
        try:
            return await self._answered(keys)
        except StoreError as failure:
            self._failed(failure)
            return failure
        finally:
            self._asking -= 1

    async def close(self) -> None:
        """Close the store."""
        await self._store.close()

    async def _answered(self, keys: Sequence[Key]) -> Found:
        try:
            async with asyncio.timeout(self._timeout_s):
                found = await self._store.read(keys)
        except TimeoutError:
            words = f"the feature store didn't answer within {self._timeout_s * 1000:g} ms"
            raise StoreError(words, outcome=Outcome.LATE) from None
        self._breaker.answered()
        return found

    def _failed(self, failure: StoreError) -> None:
        """Note a failure; a line in the log for each would be more than anybody reads."""
        now = monotonic()
        self._breaker.failed(now)
        self._failures += 1
        if now - self._told_at >= _TELL_EVERY_S:
            told = f"{failure.sentence} ({failure.detail})" if failure.detail else failure.sentence
            _log.warning("%s; failures since the last such line: %d", told, self._failures)
            self._failures, self._told_at = 0, now
