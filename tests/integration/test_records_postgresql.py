"""Records of Releases on the real PostgreSQL: the append-only ledger, many writers, killed ones."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from tiffin.errors import FencedError
from tiffin.home import TiffinHome
from tiffin.release.ledger import first_broken
from tiffin.release.phases import Phase
from tiffin.release.records import Records
from tiffin.release.release import Release
from tiffin.stack.postgres import (
    database_url,
    ensure_cluster,
    ensure_databases,
    postgres_program,
)
from tiffin.stack.supervisor import Supervisor

pytestmark = pytest.mark.timeout(240)
WRITERS = 8


@pytest.fixture(scope="module")
def url(supervised_home: TiffinHome) -> str:
    ensure_cluster(supervised_home)
    Supervisor(supervised_home).ensure_program(postgres_program(supervised_home))
    ensure_databases(supervised_home)
    url = database_url(supervised_home, "tiffin")
    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(Records(url).ensure_schema) for _ in range(2)]:
            done.result()
    return url


@pytest.fixture
def records(url: str) -> Records:
    return Records(url)


@pytest.fixture
def release(records: Records, request: pytest.FixtureRequest) -> Release:
    now = datetime.now(UTC)
    name = request.node.originalname
    return records.open(Release(name, name[:40], "iris", "2", "admin", Phase.PENDING, now, now))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger SET body = '{}'",
        "UPDATE ledger SET body = '{}' WHERE release = 'no such release'",
        "DELETE FROM ledger",
        "TRUNCATE ledger",
    ],
)
def test_the_ledger_can_only_grow(
    url: str, records: Records, release: Release, statement: str
) -> None:
    before = records.entries(release.id)
    with (
        sa.create_engine(url).connect() as connection,
        pytest.raises(sa.exc.DatabaseError, match="the ledger is append-only"),
    ):
        connection.execute(sa.text(statement))
    assert records.entries(release.id) == before


def test_eight_writers_at_once_make_one_chain(url: str, records: Records, release: Release) -> None:
    def write(writer: int) -> None:
        mine = Records(url)
        for number in range(15):
            mine.note(release.id, "look", {"writer": writer, "number": number})

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(write, range(WRITERS)))
    entries = records.entries(release.id)
    assert len(entries) == 1 + WRITERS * 15
    assert first_broken(entries) is None


def test_eight_claimers_at_once_agree_on_one(url: str, records: Records) -> None:
    def claim(number: int) -> str:
        return Records(url).claim("contended", f"r-{number}")

    for _ in range(5):
        with ThreadPoolExecutor(WRITERS) as pool:
            holders = set(pool.map(claim, range(WRITERS)))
        (holder,) = holders
        assert records.claimant("contended") == holder
        records.disclaim("contended", holder)


def test_of_two_who_end_a_release_at_once_one_loses(
    url: str, records: Records, release: Release
) -> None:
    def end(phase: Phase) -> Phase | str:
        try:
            return Records(url).move(release.id, phase, reason=f"{phase} it is").phase
        except FencedError as error:
            return error.code

    with ThreadPoolExecutor(2) as pool:
        ends = set(pool.map(end, [Phase.ABORTED, Phase.ROLLED_BACK]))
    assert ends == {records.release(release.id).phase, "release-ended"}


def test_a_delivery_brought_by_eight_is_new_to_one(url: str) -> None:
    with ThreadPoolExecutor(WRITERS) as pool:
        news = list(pool.map(lambda _: Records(url).first_time("delivery-1"), range(WRITERS)))
    assert sorted(news) == [False] * (WRITERS - 1) + [True]


WRITER = """
import itertools, sys
from tiffin.release.records import Records
records = Records(sys.argv[1])
print("go", flush=True)
for number in itertools.count():
    records.note(sys.argv[2], "look", {"number": number})
"""


def test_writers_killed_at_any_instant_leave_a_whole_chain_and_no_lock(
    url: str, records: Records, release: Release
) -> None:
    for _ in range(3):
        command = [sys.executable, "-c", WRITER, url, release.id]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            before = len(records.entries(release.id))
            while len(records.entries(release.id)) < before + 5:
                pass
            writer.kill()
        records.note(release.id, "look", {"after": "the kill"})
        assert first_broken(records.entries(release.id)) is None
