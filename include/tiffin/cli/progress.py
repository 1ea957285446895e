"""Follow a Release until it ends, and show its phases as they pass.

On a terminal the running phase ticks in place; elsewhere each phase is one line when it is over,
and what runs longer says how it goes every 10 s. Only the records are read, so following
changes nothing and may stop and start at will.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from rich.console import Console

from tiffin.cli.console import working
from tiffin.cli.story import PhaseTime, Snapshot, snapshot
from tiffin.errors import RefusedError, UnavailableError
from tiffin.intake.asking import ServiceNotReadError
from tiffin.release.ledger import Entry
from tiffin.release.phases import Phase
from tiffin.release.records import Records
from tiffin.release.release import Release

_POLL_S = 0.5
_SIGN_OF_LIFE_S = 10.0
_PATIENCE_S = 60.0
"""How long Airflow or the records may be away before the wait is given up; the Release goes on."""
_UNREAD_PATIENCE_S = 90.0
"""How long Airflow may take to read a new service's file; by itself it takes half a minute."""

_WITHOUT_TRAFFIC = "; send some, or `tiffin promote` promotes it without"
_OVER = ("success", "failed")
T = TypeVar("T")

RunState = Callable[[], str | None]
"""Asks Airflow how the DAG run is: `queued`, `running`, `success`, `failed`, or None."""


def until_read(ask: Callable[[], T], service: str, console: Console) -> T:
    """Ask, and again while Airflow has not read the file of a service that is new.

    Raises ServiceNotReadError when it has not after 90 s.
    """
    with suppress(ServiceNotReadError):
        return ask()
    said = f"Airflow has not read {service}.yaml yet; waiting"
    console.print(said, soft_wrap=True)
    with working(console, said):
        return _patiently(ask, ServiceNotReadError, _UNREAD_PATIENCE_S)


def follow(
    records: Records,
    release: str,
    console: Console,
    run_state: RunState,
    watch: timedelta | None = None,
) -> Release:
    """Wait until the Release has ended, showing its phases; return it as it ended.

    `watch` is how long a version is watched once it is live; None says nothing of it.
    Raises RefusedError `deploy-refused` when its DAG run ended before it was recorded.
    """
    shown, alive_at = 0, time.monotonic()
    with working(console, f"{release} waits for its turn"):
        _wait_until_recorded(records, release, run_state)
    with console.status(release) as status:
        while True:
            found, entries = _patiently(lambda: _read(records, release))
            now = snapshot(entries, datetime.now(UTC))
            shown = _show_what_is_over(now, shown, console)
            if found.phase.is_end:
                return found
            if watch is not None and now.phases[-1].phase is Phase.WATCHING:
                console.print(live_line(found, now, watch), soft_wrap=True)
                watch = None
            line = running_line(release, now)
            status.update(line)
            if not console.is_terminal and time.monotonic() - alive_at > _SIGN_OF_LIFE_S:
                console.print(line, highlight=False, soft_wrap=True)
                alive_at = time.monotonic()
            time.sleep(_POLL_S)


def phase_line(phase: PhaseTime) -> str:
    """Return a phase that is over, as a line."""
    return f"  {phase.phase.value:<11} {phase.seconds:7.1f} s"


def live_line(release: Release, now: Snapshot, watch: timedelta) -> str:
    """Return that a version is live, until when it is watched, and that nobody has to wait."""
    left = watch - timedelta(seconds=now.phases[-1].seconds)
    until = (datetime.now(UTC) + left).astimezone()
    return (
        f"  Version {release.version} is live. It is watched until {until:%H:%M:%S}, and taken "
        "back if it turns out bad. Ctrl-C is harmless: the release goes on in Airflow."
    )


def running_line(release: str, now: Snapshot) -> str:
    """Return what happens at the moment, as a line."""
    running = now.phases[-1]
    line = f"{release}: {running.phase.value} {running.seconds:.0f} s"
    if running.phase is not Phase.RAMPING:
        return line
    hint = _WITHOUT_TRAFFIC if now.said.startswith("no requests") else ""
    return f"{line}, {now.share:.1%} of the traffic; {now.said or 'no look yet'}{hint}"


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


def _patiently(
    read: Callable[[], T],
    absence: type[UnavailableError] = UnavailableError,
    patience_s: float = _PATIENCE_S,
) -> T:
    """Read again while something does not answer, for `patience_s` at most."""
    deadline = time.monotonic() + patience_s
    while True:
        try:
            return read()
        except absence:
            if time.monotonic() > deadline:
                raise
            time.sleep(_POLL_S)
