"""The disk of the stack's home fills to its last byte in mid-release, and is freed again."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.conftest import embedded_stack, free_offset
from tests.e2e.delivery import Delivery, prepare
from tests.faults.kills import begin, other_version, wait_for_consistency, wait_for_phase
from tiffin.release.phases import Phase

pytestmark = [pytest.mark.faults, pytest.mark.stack, pytest.mark.timeout(1200)]

_SIZE = "4g"
_PAGES = b"\0" * 65536
_HELD_S = 20
"""Longer than every part takes to want a byte."""


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("disk")
    command = ("mount", "-t", "tmpfs", "-o", f"size={_SIZE}", "tmpfs", str(folder))
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode != 0:
        pytest.skip(f"NO FULL DISK: only root can mount one ({mounted.stderr.strip()})")
    yield folder
    subprocess.run(("umount", "--lazy", str(folder)), check=True)


@pytest.fixture(scope="module")
def delivery(disk: Path) -> Iterator[Delivery]:
    stack = embedded_stack(disk / "home", free_offset())
    started = stack.tiffin("up")
    try:
        assert started.returncode == 0, started.stderr + started.stdout
        delivery = prepare(stack, "v1", "v2")
        yield delivery
        delivery.airflow.close()
    finally:
        stack.tiffin("down")


@contextmanager
def filled(disk: Path) -> Iterator[None]:
    """Take every free byte; PostgreSQL, logs and all else find none while the block runs."""
    ballast = disk / "ballast"
    try:
        with ballast.open("wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(_PAGES)
        assert os.statvfs(disk).f_bavail == 0
        yield
    finally:
        ballast.unlink()


@pytest.mark.parametrize("phase", [Phase.PACKAGING, Phase.RAMPING])
def test_callers_notice_nothing_and_all_goes_on_once_there_is_room(
    delivery: Delivery, disk: Path, phase: Phase
):
    version = other_version(delivery)
    before = delivery.live_version
    with delivery.load() as report:
        release = begin(delivery, version)
        wait_for_phase(delivery, release, phase)
        with filled(disk):
            look_at_status(delivery)
            time.sleep(_HELD_S)
        left = wait_for_consistency(delivery, release)
    ended = delivery.platform.records.release(release)
    sys.stdout.write(f"\n\n{phase}: {ended.phase} ({ended.reason}), {report.sent} requests\n")
    assert not left
    assert report.failures == []
    assert delivery.live_version in (before, version)


def look_at_status(delivery: Delivery) -> None:
    done = delivery.stack.tiffin("status")
    sys.stdout.write(done.stdout + done.stderr)
    assert "Traceback" not in done.stdout + done.stderr
