"""The port to the place where features are kept; all pass tests/contracts/online_store.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Protocol

Key = int | str
Found = Mapping[Key, Mapping[str, object]]
"""By key, then by column; a column that the store has no value of is left out."""


class Outcome(StrEnum):
    """How a lookup ended, for metrics."""

    FOUND = "found"
    """All that was missing was there."""
    INCOMPLETE = "incomplete"
    """The store answered, and had no value of something."""
    LATE = "late"
    FAILED = "failed"
    SKIPPED = "skipped"
    """Not asked, since it fails or is too busy."""


class StoreError(Exception):
    """The store gave no answer. The sentence is for callers, `detail` for the log alone."""

    def __init__(self, sentence: str, detail: str = "", outcome: Outcome = Outcome.FAILED) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.detail = detail
        self.outcome = outcome


class OnlineStore(Protocol):
    """Has the columns of entities; was told when it was made which ones are wanted."""

    async def read(self, keys: Sequence[Key]) -> Found:
        """Return what there is for each of these keys, which differ, with one question for all.

        Raises StoreError, and nothing else: also where the store doesn't know a wanted column at
        all, which is no missing value but a mistake in the service file. Takes as long as it
        takes; whoever asks cancels it, and may ask again.
        """
        ...

    async def close(self) -> None:
        """Let go of all connections; may be called twice, and when nothing was ever read."""
        ...
