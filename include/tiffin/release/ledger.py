"""The Ledger: what happened in a Release, append-only, each entry hashed with the one before.

Changing, dropping or reordering an entry breaks the chain from there on; cutting entries off the
end is found by comparing the head with the one that the Release's registry run carries.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

GENESIS = "0" * 64


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a ledger; `hash` covers everything else and the previous entry's hash."""

    release: str
    seq: int
    at: datetime
    kind: str
    body: Mapping[str, Any]
    previous: str
    hash: str


def next_entry(
    release: str, last: Entry | None, at: datetime, kind: str, body: Mapping[str, Any]
) -> Entry:
    """Chain a new entry to the last one."""
    seq = last.seq + 1 if last else 1
    previous = last.hash if last else GENESIS
    digest = entry_hash(release, seq, at, kind, body, previous)
    return Entry(release, seq, at, kind, body, previous, digest)


def entry_hash(
    release: str, seq: int, at: datetime, kind: str, body: Mapping[str, Any], previous: str
) -> str:
    """SHA-256 of the entry as canonical JSON (sorted keys, no spaces, UTC microseconds)."""
    line = [release, seq, at.isoformat(timespec="microseconds"), kind, body, previous]
    text = json.dumps(line, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def first_broken(entries: Sequence[Entry]) -> int | None:
    """Return the seq of the first entry that doesn't fit the chain, or None if all do."""
    previous = GENESIS
    for seq, entry in enumerate(entries, start=1):
        expected = entry_hash(entry.release, seq, entry.at, entry.kind, entry.body, previous)
        if entry.seq != seq or entry.hash != expected:
            return seq
        previous = entry.hash
    return None
