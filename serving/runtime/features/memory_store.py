"""An online store in this process's memory: a file that is read once, when the server starts."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from serving.runtime.features.online_store import Found, Key, StoreError

Record = Mapping[str, Any]


class MemoryStore:
    """For tables of up to some 100,000 rows that change no more often than the service does."""

    def __init__(self, records: Sequence[Record], entity: str, columns: Sequence[str]) -> None:
        """Take one record for each entity; a value that is None is none."""
        self._unknown = [name for name in columns if not any(name in each for each in records)]
        self._table: dict[Key, dict[str, object]] = {
            record[entity]: {name: record[name] for name in columns if record.get(name) is not None}
            for record in records
        }

    @classmethod
    def read_file(cls, file: Path, entity: str, columns: Sequence[str]) -> MemoryStore:
        """Read a JSON list of records; ValueError with one sentence for anything else."""
        try:
            records = orjson.loads(file.read_bytes())
        except (OSError, orjson.JSONDecodeError) as failure:
            raise ValueError(f"the features in {file} can't be read: {failure}") from None
        if problem := _problem_with(records, entity):
            raise ValueError(f"the features in {file} {problem}")
        return cls(records, entity, columns)

    async def read(self, keys: Sequence[Key]) -> Found:
        """Return what the table has."""
        if self._unknown:
            raise StoreError("the feature store lacks columns", f"no {', '.join(self._unknown)}")
        return {key: self._table[key] for key in keys if key in self._table}

    async def close(self) -> None:
        """Hold on to nothing."""


def _problem_with(records: object, entity: str) -> str | None:
    if not isinstance(records, list) or not all(_is_record(each, entity) for each in records):
        return f"must be a list of objects, each with {entity}, a number or a text"
    times = Tally(record[entity] for record in records)
    twice = next((key for key in times if times[key] > 1), None)
    return None if twice is None else f"must have each {entity} once, but {twice!r} is there again"


def _is_record(given: object, entity: str) -> bool:
    return isinstance(given, dict) and type(given.get(entity)) in (int, str)
