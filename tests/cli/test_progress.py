from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rich.console import Console

from tiffin.cli.progress import follow, running_line
from tiffin.cli.story import snapshot
from tiffin.errors import RefusedError
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
