"""`kill -9` of each part at each phase of a Release, under load: it always converges."""

from __future__ import annotations

import os
import time
from contextlib import suppress

import pytest

from tests.e2e.delivery import SERVICE, Delivery
from tests.e2e.patient_load import RETRY_AFTER_S, LoadReport
from tests.faults.consistency import contradictions
from tests.faults.matrix import Fault, chosen
from tests.faults.outcome import Outcome
from tests.faults.victims import Victim, kill
from tiffin.errors import UnavailableError
from tiffin.intake.asking import ask_for_release
from tiffin.registry.model_version import BAD_TAG
from tiffin.release.phases import Phase
from tiffin.release.release import Release, ReleaseRequest

pytestmark = [pytest.mark.faults, pytest.mark.stack, pytest.mark.timeout(1200)]

CONVERGES_WITHIN_S = 420
REACHES_PHASE_WITHIN_S = 300
_MEASURES_THE_CANDIDATE = (Victim.CANDIDATE, Victim.STABLE)
"""Their death may show in the verdict; the death of anything else may not."""


@pytest.mark.parametrize("fault", chosen(os.environ.get("FAULTS", "")), ids=str)
def test_a_killed_part_leaves_one_consistent_state(
    delivery: Delivery, outcomes: list[Outcome], fault: Fault
):
    version = _other_version(delivery)
    with delivery.load() as report:
        release = _begin(delivery, version)
        _wait_for_phase(delivery, release, fault.phase)
        killed_at = time.time()
        assert kill(fault.victim, delivery, delivery.platform.records.release(release))
        if fault.victim is Victim.SUPERVISOR:  # nobody restarts it but a person
            assert delivery.stack.tiffin("up").returncode == 0
        left = _wait_for_consistency(delivery, release)
        seconds = time.time() - killed_at
    ended = None if left else delivery.platform.records.release(release)
    outcomes.append(_outcome(delivery, fault, ended, seconds, report))
    assert not left
    assert ended is not None
    if fault.victim not in _MEASURES_THE_CANDIDATE:
        assert ended.phase is Phase.SUCCESSFUL, ended.reason
        assert delivery.live_version == version
    _check_what_callers_saw(fault, report, killed_at)


def _other_version(delivery: Delivery) -> str:
    """Choose the version that is not live; the first fault finds nothing live at all."""
    v1, v2 = delivery.versions["v1"], delivery.versions["v2"]
    if delivery.live_version is None:
        delivery.ensure_live(v1)
    delivery.wait_until(delivery.is_settled, "the release before is settled")
    version = v1 if delivery.live_version == v2 else v2
    delivery.platform.registry.delete_tag(SERVICE, version, BAD_TAG)
    return version


def _begin(delivery: Delivery, version: str) -> str:
    """Ask for a quick but real ramp: one step, which ends when the evidence suffices."""
    request = ReleaseRequest(
        SERVICE, "fault-test", version=version, strategy="steps", weights=(0.5,)
    )
    return ask_for_release(delivery.airflow, delivery.platform.records, request).release


def _wait_for_phase(delivery: Delivery, release: str, phase: Phase) -> None:
    def is_there() -> bool:
        found = delivery.platform.records.find(release)
        assert not (found and found.phase.is_end), f"it ended before: {found}"
        return found is not None and found.phase is phase

    delivery.wait_until(
        is_there, f"{release} is {phase}", timeout_s=REACHES_PHASE_WITHIN_S, pause_s=0.03
    )


def _wait_for_consistency(delivery: Delivery, release: str) -> list[str]:
    """Wait until nothing contradicts anything; return what still does when time is up."""
    deadline = time.monotonic() + CONVERGES_WITHIN_S
    left = ["nothing answered"]
    while left and time.monotonic() < deadline:
        time.sleep(0.5)
        with suppress(UnavailableError):  # the part that was killed is not back yet
            left = list(contradictions(delivery, release))
    return left


def _outcome(
    delivery: Delivery, fault: Fault, ended: Release | None, seconds: float, report: LoadReport
) -> Outcome:
    return Outcome(
        fault=fault,
        ended=ended.phase if ended else None,
        live=delivery.live_version,
        seconds=seconds,
        sent=report.sent,
        unanswered=report.unanswered,
        answered_badly=report.answered_badly,
        failed_after_retry=report.failed_after_retry,
    )


def _check_what_callers_saw(fault: Fault, report: LoadReport, killed_at: float) -> None:
    """No request fails where stable and the gateway lived; where one died, only meanwhile."""
    if fault.victim is Victim.ENVOY:
        assert report.answered_badly == 0, report.failures
        assert report.failed_after_retry == 0, report.failures
        assert all(killed_at - 1 < at < killed_at + RETRY_AFTER_S + 5 for at, *_ in report.failures)
    elif fault.victim not in (Victim.STABLE, Victim.SUPERVISOR):
        assert report.failures == []
