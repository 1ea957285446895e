"""The chain: whatever is changed, dropped or reordered is found."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tiffin.release.ledger import GENESIS, Entry, first_broken, next_entry

BEGUN = datetime(2026, 1, 1, tzinfo=UTC)


def chain(length: int) -> list[Entry]:
    entries: list[Entry] = []
    for number in range(length):
        last = entries[-1] if entries else None
        at = BEGUN + timedelta(seconds=number)
        entries.append(next_entry("r-1", last, at, "look", {"share": number, "why": "é"}))
    return entries


def test_an_untouched_chain_is_whole() -> None:
    entries = chain(5)
    assert entries[0].previous == GENESIS
    assert [entry.seq for entry in entries] == [1, 2, 3, 4, 5]
    assert first_broken(entries) is None


def test_an_empty_ledger_is_whole() -> None:
    assert first_broken([]) is None


@pytest.mark.parametrize(
    "change",
    [
        {"body": {"share": 9, "why": "é"}},
        {"kind": "phase"},
        {"at": BEGUN},
        {"release": "r-2"},
        {"hash": "f" * 64},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_changed_entry_is_named(change: dict[str, object]) -> None:
    entries = chain(5)
    entries[2] = replace(entries[2], **change)  # type: ignore[arg-type]
    assert first_broken(entries) == 3


def test_a_changed_entry_with_a_new_hash_breaks_the_next_one() -> None:
    entries = chain(5)
    forged = next_entry("r-1", entries[1], entries[2].at, "look", {"share": 9})
    assert first_broken([*entries[:2], forged, *entries[3:]]) == 4


def test_a_dropped_entry_is_found() -> None:
    entries = chain(5)
    assert first_broken(entries[:2] + entries[3:]) == 3


def test_swapped_entries_are_found() -> None:
    entries = chain(5)
    entries[1], entries[2] = entries[2], entries[1]
    assert first_broken(entries) == 2
