"""Ramp: the candidate's share grows as the evidence does, until a verdict, an order or the clock.

A killed ramp goes on where its last look ended: the analysis is in the ledger, the share in the
router. What happened in between was not seen and counts for nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

from tiffin.analysis.harm import Undecidable
from tiffin.analysis.verdict import Decision
from tiffin.errors import MeasuredBadError, UndecidedError
from tiffin.platform import Platform
from tiffin.release.looks import Look, Looks
from tiffin.release.phases import Phase
from tiffin.release.release import Order, Release
from tiffin.release.share import next_share
from tiffin.release.steps.step import ensure_still_ours, record_error, service_of, step
from tiffin.release.traffic_back import move_traffic_back
from tiffin.services.spec import Service


@step(Phase.RAMPING)
def ensure_ramped(platform: Platform, release: Release) -> Release:
    """Look and shift until the analysis says promote; on rollback move the traffic back at once.

    Raises MeasuredBadError (`canary-worse`, `candidate-down`), UndecidedError
    (`evidence-insufficient`) when the policy leaves it to a person, FencedError when it lost.
    """
    service = service_of(platform, release)
    if release.stable is None or service.rollout.strategy == "direct":
        return platform.records.release(release.id)
    looks = Looks.resumed(platform, release, service)
    while not _may_promote(platform, release, service, looks):
        _look(platform, release, looks)
    return platform.records.release(release.id)


def guard_approval(platform: Platform, release_id: str, is_answered: Callable[[], bool]) -> None:
    """Go on looking while a person thinks; a bad canary is rolled back without waiting for them.

    Raises what `ensure_ramped` raises. A Release with no traffic to guard returns when answered.
    """
    release = platform.records.release(release_id)
    ensure_still_ours(platform, release)
    service = service_of(platform, release)
    if release.stable is None or service.rollout.strategy == "direct":
        while not is_answered():
            time.sleep(1.0)
            ensure_still_ours(platform, release)
        return
    looks = Looks.resumed(platform, release, service)
    while not is_answered():
        try:
            ensure_still_ours(platform, release)
            _look(platform, release, looks)
        except MeasuredBadError as error:
            record_error(platform, release.id, Phase.RAMPING, error)
            raise


def _may_promote(platform: Platform, release: Release, service: Service, looks: Looks) -> bool:
    """Obey orders and the clock; move to the next share; say whether the ramp is over."""
    ensure_still_ours(platform, release)
    order = platform.records.standing_order(release.id)
    if order is Order.PROMOTE:
        return True
    last = looks.last
    if order is Order.PAUSE:
        return False
    if last is not None and last.decision is Decision.PROMOTE and looks.steps_are_done:
        return True
    _check_deadline(platform, release, service, last)
    share = next_share(service.rollout, looks.progress)
    if isinstance(share, Undecidable):
        move_traffic_back(platform, release)
        raise UndecidedError(f"{release.id}: {share.reason}", code="harm-budget-spent")
    looks.shift(share)
    return False


def _look(platform: Platform, release: Release, looks: Looks) -> None:
    """Look once; raise, with the traffic already moved back, when the candidate is bad."""
    look = looks.look()
    looks.ensure_alone()
    if look.decision is Decision.ROLLBACK:
        code = "candidate-down" if looks.candidate_is_down else "canary-worse"
        move_traffic_back(platform, release)
        assert release.candidate is not None
        raise MeasuredBadError(
            f"{release.candidate.name} of {release.service} was rolled back: {look.reason}",
            code=code,
        )


def _check_deadline(
    platform: Platform, release: Release, service: Service, look: Look | None
) -> None:
    begun = platform.records.entries(release.id, "phase")
    since = next(entry.at for entry in begun if entry.body["to"] == Phase.RAMPING.value)
    if datetime.now(UTC) - since < service.rollout.deadline:
        return
    move_traffic_back(platform, release)
    last = look.reason if look else "it was never looked at"
    sentence = (
        f"the ramp of {release.id} reached its deadline of {service.rollout.deadline} without "
        f"enough evidence: {last}"
    )
    if service.rollout.at_deadline == "inconclusive":
        raise UndecidedError(sentence, code="evidence-insufficient")
    raise MeasuredBadError(sentence, code="ramp-deadline")
