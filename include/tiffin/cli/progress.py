"""Follow a Release until it ends, and show its phases as they pass.

On a terminal the running phase ticks in place; elsewhere each phase is one line when it is over,
and what runs longer says how it goes twice a minute. Only the records are read, so following
changes nothing and may stop and start at will.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TypeVar

from rich.console import Console

from tiffin.cli.story import PhaseTime, Snapshot, snapshot
from tiffin.errors import RefusedError, UnavailableError
from tiffin.release.ledger import Entry
from tiffin.release.phases import Phase
from tiffin.release.records import Records
from tiffin.release.release import Release

_POLL_S = 0.5
_SIGN_OF_LIFE_S = 30.0
_PATIENCE_S = 60.0
"""How long Airflow or the records may be away before the wait is given up; the Release goes on."""

_OVER = ("success", "failed")
T = TypeVar("T")

RunState = Callable[[], str | None]
"""Asks Airflow how the DAG run is: `queued`, `running`, `success`, `failed`, or None."""


def follow(records: Records, release: str, console: Console, run_state: RunState) -> Release:
    """Wait until the Release has ended, showing its phases; return it as it ended.

    Raises RefusedError `deploy-refused` when its DAG run ended before it was recorded.
    """
    shown, alive_at = 0, time.monotonic()
    with console.status(f"{release} waits for its turn") as status:
        _wait_until_recorded(records, release, run_state)
        while True:
            found, entries = _patiently(lambda: _read(records, release))
            now = snapshot(entries, datetime.now(UTC))
            shown = _show_what_is_over(now, shown, console)
            if found.phase.is_end:
                return found
            line = running_line(release, now)
            status.update(line)
            if not console.is_terminal and time.monotonic() - alive_at > _SIGN_OF_LIFE_S:
                console.print(line, highlight=False, soft_wrap=True)
                alive_at = time.monotonic()
            time.sleep(_POLL_S)


def phase_line(phase: PhaseTime) -> str:
    """Return a phase that is over, as a line."""
    return f"  {phase.phase.value:<11} {phase.seconds:7.1f} s"


def running_line(release: str, now: Snapshot) -> str:
    """Return what happens at the moment, as a line."""
    running = now.phases[-1]
    line = f"{release}: {running.phase.value} {running.seconds:.0f} s"
    if running.phase is not Phase.RAMPING:
        return line
    return f"{line}, {now.share:.1%} of the traffic; {now.said or 'no look yet'}"


def _show_what_is_over(now: Snapshot, shown: int, console: Console) -> int:
    over = [phase for phase in now.phases if phase.is_over]
    for phase in over[shown:]:
        console.print(phase_line(phase), highlight=False)
    return len(over)


def _wait_until_recorded(records: Records, release: str, run_state: RunState) -> None:
    while _patiently(lambda: records.find(release)) is None:
        state = _patiently(run_state)
        if state in _OVER and records.find(release) is None:
            raise RefusedError(
                f"the run {release} ended before it was recorded; the log of its first task in "
                "Airflow says why it was refused",
                code="deploy-refused",
            )
        time.sleep(2 * _POLL_S)


def _read(records: Records, release: str) -> tuple[Release, Sequence[Entry]]:
    """Read the record before its ledger, so that an end is never seen without its entry."""
    return records.release(release), records.entries(release)


def _patiently(read: Callable[[], T]) -> T:
    """Read again while something does not answer, up to a minute."""
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        try:
            return read()
        except UnavailableError:
            if time.monotonic() > deadline:
                raise
            time.sleep(_POLL_S)
