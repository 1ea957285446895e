from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from serving.runtime.features.memory_store import MemoryStore
from tests.contracts.online_store import OnlineStoreContract, StoreUnderTest
from tests.serving.runtime.features.credit_customers import records


class TestMemoryStore(OnlineStoreContract):
    @pytest.fixture
    def subject(self) -> StoreUnderTest:
        return StoreUnderTest(lambda columns: MemoryStore(records(), "customer_id", columns))


class TestMemoryStoreOfAFile(OnlineStoreContract):
    @pytest.fixture
    def subject(self, tmp_path: Path) -> StoreUnderTest:
        file = tmp_path / "customers.json"
        file.write_bytes(orjson.dumps(records()))
        return StoreUnderTest(lambda columns: MemoryStore.read_file(file, "customer_id", columns))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"[{", "can't be read"),
        (b"{}", "must be a list of objects, each with customer_id"),
        (b'[{"home": "rent"}]', "must be a list of objects, each with customer_id"),
        (b'[{"customer_id": true}]', "must be a list of objects, each with customer_id"),
        (
            b'[{"customer_id": 1}, {"customer_id": 1}]',
            "must have each customer_id once, but 1 is there again",
        ),
    ],
)
def test_refuses_a_file_without_records(tmp_path: Path, content: bytes, words: str) -> None:
    file = tmp_path / "customers.json"
    file.write_bytes(content)
    with pytest.raises(ValueError, match=words):
        MemoryStore.read_file(file, "customer_id", ["home"])


def test_refuses_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="can't be read"):
        MemoryStore.read_file(tmp_path / "none.json", "customer_id", ["home"])
