from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from rich.console import Console

from tiffin.cli import progress
from tiffin.cli.progress import follow, running_line, until_read
from tiffin.cli.story import PhaseTime, Snapshot, snapshot
from tiffin.errors import RefusedError
from tiffin.intake.asking import ServiceNotReadError
from tiffin.release.phases import Phase
from tiffin.release.records import Records
from tiffin.release.release import Release

NOW = datetime.now(UTC)
ASKED = Release(
    id="credit-risk-v2-1",
    service="credit-risk",
    model="credit-risk",
    version="2",
    actor="ada",
    phase=Phase.PENDING,
    begun_at=NOW,
    changed_at=NOW,
)


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    made = Records(f"sqlite:///{tmp_path / 'records.db'}")
    made.ensure_schema()
    yield made
    made._engine.dispose()


def test_prints_each_phase_once_and_returns_the_release_as_it_ended(records: Records) -> None:
    def live() -> None:
        records.open(ASKED)
        for phase in (Phase.VALIDATING, Phase.PACKAGING, Phase.BUILDING, Phase.SUCCESSFUL):
            records.move(ASKED.id, phase)

    release = threading.Timer(0.2, live)
    release.start()
    shown = io.StringIO()
    ended = follow(records, ASKED.id, Console(file=shown), lambda: "running")
    release.join()
    assert ended.phase is Phase.SUCCESSFUL
    assert [line.split()[0] for line in shown.getvalue().splitlines() if line.startswith("  ")] == [
        "Pending",
        "Validating",
        "Packaging",
        "Building",
    ]


def test_says_so_when_the_run_failed_before_the_release_was_recorded(records: Records) -> None:
    with pytest.raises(RefusedError) as refused:
        follow(records, ASKED.id, Console(file=io.StringIO()), lambda: "failed")
    assert refused.value.code == "deploy-refused"


def test_shows_the_share_only_while_the_release_ramps(records: Records) -> None:
    records.open(replace(ASKED))
    records.move(ASKED.id, Phase.VALIDATING)
    entries = records.entries(ASKED.id)
    line = running_line(ASKED.id, snapshot(entries, datetime.now(UTC)))
    assert line == "credit-risk-v2-1: Validating 0 s"


def test_gives_a_sign_of_life_where_there_is_no_terminal(
    records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tiffin.cli.progress._SIGN_OF_LIFE_S", 0.0)
    records.open(ASKED)
    records.move(ASKED.id, Phase.VALIDATING)
    end = threading.Timer(1.2, lambda: records.move(ASKED.id, Phase.ERROR))
    end.start()
    shown = io.StringIO()
    follow(records, ASKED.id, Console(file=shown), lambda: "running")
    end.join()
    assert "credit-risk-v2-1: Validating 0 s" in shown.getvalue()


def test_says_once_that_the_version_is_live_and_that_nobody_has_to_wait(records: Records) -> None:
    records.open(ASKED)
    for phase in (
        *(Phase.VALIDATING, Phase.PACKAGING, Phase.BUILDING, Phase.STARTING, Phase.SMOKING),
        *(Phase.RAMPING, Phase.PROMOTING, Phase.WATCHING),
    ):
        records.move(ASKED.id, phase)
    end = threading.Timer(1.2, lambda: records.move(ASKED.id, Phase.SUCCESSFUL))
    end.start()
    shown = io.StringIO()
    follow(records, ASKED.id, Console(file=shown), lambda: "running", timedelta(minutes=5))
    end.join()
    assert shown.getvalue().count("Version 2 is live. It is watched until ") == 1
    assert "Ctrl-C is harmless" in shown.getvalue()


def test_a_canary_without_requests_can_be_promoted() -> None:
    ramping = (PhaseTime(Phase.RAMPING, 40.0, is_over=False),)
    waits = Snapshot(ramping, 0.05, "no requests at this look: no traffic is neither")
    goes = Snapshot(ramping, 0.05, "0 of 9: not sure yet")
    assert "`tiffin promote`" in running_line(ASKED.id, waits)
    assert "promote" not in running_line(ASKED.id, goes)


def test_a_service_that_airflow_has_not_read_yet_is_waited_for() -> None:
    answers = [ServiceNotReadError("not yet", code="service-not-read")] * 2

    def ask() -> str:
        if answers:
            raise answers.pop()
        return "begun"

    shown = io.StringIO()
    assert until_read(ask, "tumor", Console(file=shown)) == "begun"
    assert shown.getvalue() == "Airflow has not read tumor.yaml yet; waiting\n"


def test_the_wait_for_airflow_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "_UNREAD_PATIENCE_S", 0.0)

    def ask() -> str:
        raise ServiceNotReadError("not yet", code="service-not-read")

    with pytest.raises(ServiceNotReadError):
        until_read(ask, "tumor", Console(file=io.StringIO()))
