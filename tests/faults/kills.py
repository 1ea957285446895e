"""A release under load, the killing of a part at a phase, and what must be true afterwards."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass

from tests.e2e.delivery import SERVICE, Delivery
from tests.e2e.patient_load import RETRY_AFTER_S, LoadReport
from tests.faults.consistency import contradictions
from tests.faults.matrix import PHASES, Fault
from tests.faults.victims import Victim, kill
from tiffin.errors import UnavailableError
from tiffin.intake.asking import ask_for_release
from tiffin.registry.model_version import BAD_TAG
from tiffin.release.phases import Phase
from tiffin.release.release import ReleaseRequest

CONVERGES_WITHIN_S = 420
REACHES_PHASE_WITHIN_S = 300
_NOTICED_WITHIN_S = 0.5
"""A caller on a busy machine may use a connection for so long after the other end has died."""
_GATEWAY_BACK_WITHIN_S = RETRY_AFTER_S + 5
_IN_FLIGHT = 5
"""At 20 requests a second hardly more are under way at once; a second's outage would cost 20."""


@dataclass(frozen=True, slots=True)
class Kill:
    """One kill; it took from `begun` to `done` (Unix seconds) to send the signals.

    To die takes a victim some 20 ms more. One that was killed in the phase before and is still
    dead counts as killed again.
    """

    fault: Fault
    begun: float
    done: float
    was_dead: bool


def other_version(delivery: Delivery) -> str:
    """Choose the version that is not live; the first fault finds nothing live at all."""
    v1, v2 = delivery.versions["v1"], delivery.versions["v2"]
    if delivery.live_version is None:
        delivery.ensure_live(v1)
    delivery.wait_until(delivery.is_settled, "the release before is settled")
    version = v1 if delivery.live_version == v2 else v2
    delivery.platform.registry.delete_tag(SERVICE, version, BAD_TAG)
    return version


def begin(delivery: Delivery, version: str) -> str:
    """Ask for a quick but real ramp: one step, which ends when the evidence suffices."""
    request = ReleaseRequest(
        SERVICE, "fault-test", version=version, strategy="steps", weights=(0.5,)
    )
    return ask_for_release(delivery.airflow, delivery.platform.records, request).release


def kill_at(delivery: Delivery, release: str, fault: Fault, *, is_again: bool = False) -> Kill:
    """Kill the victim at the moment the release enters the phase."""
    wait_for_phase(delivery, release, fault.phase)
    begun = time.time()
    killed = kill(fault.victim, delivery, delivery.platform.records.release(release))
    assert killed or is_again, f"there is no {fault.victim} to kill"
    done = time.time()
    if fault.victim is Victim.SUPERVISOR:  # nobody restarts it but a person
        assert delivery.stack.tiffin("up").returncode == 0
    return Kill(fault, begun, done, was_dead=not killed)


def wait_for_phase(delivery: Delivery, release: str, phase: Phase) -> None:
    """Wait until a release enters a phase; AssertionError when it went by or ended before."""
    too_late = PHASES[PHASES.index(phase) + 1 :]

    def is_there() -> bool:
        found = delivery.platform.records.find(release)
        assert not (found and found.phase.is_end), f"it ended before: {found}"
        assert not (found and found.phase in too_late), f"{phase} was over too soon: {found}"
        return found is not None and found.phase is phase

    delivery.wait_until(
        is_there, f"{release} is {phase}", timeout_s=REACHES_PHASE_WITHIN_S, pause_s=0.03
    )


def wait_for_consistency(delivery: Delivery, release: str) -> list[str]:
    """Wait until nothing contradicts anything; return what still does when time is up."""
    deadline = time.monotonic() + CONVERGES_WITHIN_S
    left = ["nothing answered"]
    while left and time.monotonic() < deadline:
        time.sleep(0.5)
        with suppress(UnavailableError):  # the part that was killed is not back yet
            left = list(contradictions(delivery, release))
    return left


def check_what_callers_saw(kill: Kill, report: LoadReport, until: float) -> None:
    """No request fails where stable lived, but for what an Envoy took with it.

    `report` is about the time from this kill to the next, at `until`.
    """
    victim, is_left_alone = kill.fault.victim, until > kill.done + _GATEWAY_BACK_WITHIN_S
    if victim is Victim.ENVOY:
        moment = (kill.begun, kill.done + _NOTICED_WITHIN_S)
        assert report.failed_outside(moment) == [], f"killed at {moment}"
        assert report.unanswered <= _IN_FLIGHT, report.failures
    if victim is Victim.GATEWAY:
        back = kill.done + _GATEWAY_BACK_WITHIN_S
        assert all(kill.begun < at < back for at, *_ in report.failures), report.failures
    if victim is Victim.ENVOY or (victim is Victim.GATEWAY and is_left_alone):
        assert report.failed_after_retry == 0, report.failures
    if victim in (Victim.ENVOY, Victim.GATEWAY):
        assert report.answered_badly == 0, report.failures
    elif victim not in (Victim.STABLE, Victim.SUPERVISOR):
        assert report.failures == []
