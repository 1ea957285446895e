"""Records of Releases: on SQLite here, on PostgreSQL in tests/integration."""

import json
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tiffin.errors import FencedError, RefusedError, UnavailableError
from tiffin.release.ledger import first_broken
from tiffin.release.phases import Phase
from tiffin.release.records import Records
from tiffin.release.release import Order, Release, ReleaseRequest
from tiffin.targets.target import Resources, Revision

CANDIDATE = Revision("iris", "v2-abc", "iris", "2", "iris:abc", "iris:abc@sha256:0", Resources(2))


def a_release(release_id: str = "iris-v2-1", version: str = "2") -> Release:
    now = datetime.now(UTC)
    request = ReleaseRequest("iris", "admin", version=version, weights=(0.1, 0.5))
    return Release(
        release_id, "iris", "iris", version, "admin", Phase.PENDING, now, now, request=request
    )


@pytest.fixture
def records(tmp_path: Path) -> Records:
    made = Records(f"sqlite:///{tmp_path}/records.db")
    made.ensure_schema()
    made.ensure_schema()
    return made


def test_a_release_comes_back_as_it_was_recorded(records: Records) -> None:
    release = a_release()
    records.open(release)
    records.move(release.id, Phase.VALIDATING, candidate=CANDIDATE, digest="d" * 64)
    found = records.release(release.id)
    assert found.candidate == CANDIDATE
    assert found.request == release.request
    assert (found.phase, found.digest) == (Phase.VALIDATING, "d" * 64)
    assert records.revision("iris", "v2-abc") == CANDIDATE
    assert records.revision("iris", "v9-abc") is None


def test_opening_twice_is_opening_once(records: Records) -> None:
    first = records.open(a_release())
    assert records.open(a_release()) == first
    assert [entry.kind for entry in records.entries(first.id)] == ["asked"]


def test_moving_twice_writes_one_entry(records: Records) -> None:
    release = records.open(a_release())
    records.move(release.id, Phase.VALIDATING)
    records.move(release.id, Phase.VALIDATING)
    entries = records.entries(release.id)
    assert [entry.kind for entry in entries] == ["asked", "phase"]
    assert first_broken(entries) is None


def test_an_illegal_move_is_refused_and_changes_nothing(records: Records) -> None:
    release = records.open(a_release())
    with pytest.raises(RefusedError, match="can't become Promoting"):
        records.move(release.id, Phase.PROMOTING)
    assert records.release(release.id).phase is Phase.PENDING


def test_a_release_that_has_ended_is_fenced(records: Records) -> None:
    release = records.open(a_release())
    records.move(release.id, Phase.ABORTED, reason="an alert")
    with pytest.raises(FencedError, match="an alert"):
        records.move(release.id, Phase.VALIDATING)


def test_only_one_of_many_claims_a_service(records: Records) -> None:
    with ThreadPoolExecutor(8) as pool:
        claims = [pool.submit(_claim, records, f"r-{n}") for n in range(8)]
        holders = {claim.result() for claim in claims} - {"try again"}
    assert len(holders) == 1
    assert records.claimant("iris") in holders


def _claim(records: Records, release: str) -> str:
    try:
        return records.claim("iris", release)
    except UnavailableError:
        return "try again"


def test_letting_go_of_another_ones_claim_does_nothing(records: Records) -> None:
    records.claim("iris", "r-1")
    records.disclaim("iris", "r-2")
    assert records.claimant("iris") == "r-1"
    records.disclaim("iris", "r-1")
    assert records.claimant("iris") is None


def test_a_delivery_is_new_once_unless_it_is_forgotten(records: Records) -> None:
    assert records.first_time("d-1")
    assert not records.first_time("d-1")
    records.forget("d-1")
    assert records.first_time("d-1")


def test_the_last_order_stands_and_an_ended_release_takes_none(records: Records) -> None:
    release = records.open(a_release())
    assert records.standing_order(release.id) is None
    records.give_order(release.id, Order.PAUSE, "admin")
    records.give_order(release.id, Order.PROMOTE, "admin")
    assert records.standing_order(release.id) is Order.PROMOTE
    records.move(release.id, Phase.FAILED, reason="x")
    with pytest.raises(RefusedError, match="already ended"):
        records.give_order(release.id, Order.PAUSE, "admin")


def test_attempts_count_only_what_has_ended(records: Records) -> None:
    records.open(a_release("iris-v2-1"))
    assert records.attempts("iris", "2") == 0
    records.move("iris-v2-1", Phase.FAILED)
    assert records.attempts("iris", "2") == 1
    assert records.attempts("iris", "3") == 0


def test_history_is_newest_first_and_in_progress_leaves_ends_out(records: Records) -> None:
    records.open(a_release("iris-v2-1"))
    records.open(a_release("iris-v3-1", "3"))
    records.move("iris-v2-1", Phase.FAILED)
    assert [release.id for release in records.history("iris")] == ["iris-v3-1", "iris-v2-1"]
    assert [release.id for release in records.in_progress("iris")] == ["iris-v3-1"]


def test_a_quiet_edit_of_the_ledger_is_found(records: Records, tmp_path: Path) -> None:
    release = records.open(a_release())
    records.note(release.id, "look", {"share": 100})
    records.note(release.id, "look", {"share": 200})
    with sqlite3.connect(tmp_path / "records.db") as database:
        database.execute("UPDATE ledger SET body = ? WHERE seq = 2", (json.dumps({"share": 1}),))
    assert first_broken(records.entries(release.id)) == 2


def test_a_database_that_is_gone_is_one_sentence() -> None:
    nowhere = Records("postgresql+psycopg2://nobody@/nothing?host=/nonexistent")
    with pytest.raises(UnavailableError) as error:
        nowhere.find("r-1")
    assert error.value.code == "records-unavailable"


WRITER = """
import sys, time
from tiffin.release.records import Records
records = Records(sys.argv[1])
print("go", flush=True)
for number in range(100_000):
    records.note("iris-v2-1", "look", {"number": number})
    time.sleep(0.005)  # SQLite is not fair: without a pause nobody else gets the lock
"""


def test_a_writer_killed_at_any_instant_leaves_a_whole_chain(
    records: Records, tmp_path: Path
) -> None:
    records.open(a_release())
    url = f"sqlite:///{tmp_path}/records.db"
    for _ in range(3):
        with subprocess.Popen([sys.executable, "-c", WRITER, url], stdout=subprocess.PIPE) as proc:
            assert proc.stdout is not None
            proc.stdout.readline()
            before = len(records.entries("iris-v2-1"))
            while len(records.entries("iris-v2-1")) < before + 3:
                pass
            proc.kill()
        assert first_broken(records.entries("iris-v2-1")) is None
