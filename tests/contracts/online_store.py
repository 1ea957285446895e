"""What every OnlineStore must do. A new one's test is a class with the fixture `subject`.

The store has the first five rows of examples/data/credit_data.csv as customers 1 to 5, with
`seniority`, `home` and `income`; customer 3 has no value for `home`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
import uvloop

from serving.runtime.features.online_store import Found, Key, OnlineStore, StoreError

COLUMNS = ("seniority", "home", "income")
FIRST = {"seniority": 9, "home": "rent", "income": 129.0}


@dataclass(frozen=True)
class StoreUnderTest:
    """How to open the store for some columns; inside of the event loop that asks it."""

    open: Callable[[Sequence[str]], OnlineStore]

    def read(self, keys: Sequence[Key], columns: Sequence[str] = COLUMNS) -> Found:
        async def ask() -> Found:
            store = self.open(columns)
            try:
                return await store.read(keys)
            finally:
                await store.close()

        return uvloop.run(ask())


class OnlineStoreContract:
    def test_has_the_columns_of_several_entities(self, subject: StoreUnderTest) -> None:
        found = subject.read([2, 1])
        assert found[1] == FIRST
        assert found[2] == {"seniority": 17, "home": "rent", "income": 131.0}

    def test_has_only_the_columns_that_are_wanted(self, subject: StoreUnderTest) -> None:
        assert subject.read([1], ["home"])[1] == {"home": "rent"}

    def test_values_keep_their_types(self, subject: StoreUnderTest) -> None:
        found: Any = subject.read([1])
        assert {name: type(value) for name, value in found[1].items()} == {
            "seniority": int,
            "home": str,
            "income": float,
        }

    def test_has_nothing_for_an_entity_that_it_does_not_know(self, subject: StoreUnderTest) -> None:
        found = subject.read([99, 1])
        assert not found.get(99)
        assert found[1] == FIRST

    def test_a_missing_value_is_left_out(self, subject: StoreUnderTest) -> None:
        assert subject.read([3])[3] == {"seniority": 10, "income": 200.0}

    def test_an_unknown_column_is_an_error_and_not_a_missing_value(
        self, subject: StoreUnderTest
    ) -> None:
        with pytest.raises(StoreError):
            subject.read([1], ["home", "shoe_size"])

    def test_may_be_asked_again_and_closed_twice(self, subject: StoreUnderTest) -> None:
        async def scenario() -> None:
            store = subject.open(COLUMNS)
            assert (await store.read([1]))[1] == (await store.read([1]))[1]
            await store.close()
            await store.close()

        uvloop.run(scenario())

    def test_closes_when_nothing_was_read(self, subject: StoreUnderTest) -> None:
        async def scenario() -> None:
            await subject.open(COLUMNS).close()

        uvloop.run(scenario())
