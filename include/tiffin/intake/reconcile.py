"""Reconcile: what a lost webhook, a lost task or a deleted run left undone is done now.

Called every minute for each service. Everything here may run twice, and beside a Release.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from tiffin.intake.runs import DEPLOY_DAG, ROLLBACK_DAG, Runs, is_under_way
from tiffin.intake.wishes import grant_wish
from tiffin.platform import Platform
from tiffin.release.cleaning import tidy
from tiffin.release.release import Release
from tiffin.release.steps.ending import ensure_settled
from tiffin.release.steps.rolling_back import ensure_rolled_back
from tiffin.services.spec import Service

_GRACE = timedelta(seconds=90)
"""A record that changed this recently has somebody who works on it, run or no run."""


def reconcile(platform: Platform, runs: Runs, service: Service) -> Iterator[str]:
    """Settle what was lost, free a stale claim, tidy up, grant the wish; yield what was done."""
    for release in platform.records.in_progress(service.name):
        if is_lost(release, _state(runs, release), datetime.now(UTC)):
            ended = _bring_to_its_end(platform, release)
            yield f"{release.id} was lost in phase {release.phase} and is settled: {ended.phase}"
    if freed := _free_stale_claim(platform, runs, service.name):
        yield f"{freed} held {service.name} no more and was let go"
    for revision in tidy(platform, service.name, by=f"reconcile-{service.name}"):
        yield f"{revision} of {service.name} was retired"
    if said := grant_wish(platform, runs, service):
        yield said


def is_lost(release: Release, run_state: str | None, now: datetime) -> bool:
    """True when no run works on a Release any more: it ended, or was deleted, without settling."""
    return not is_under_way(run_state) and now - release.changed_at > _GRACE


def _state(runs: Runs, release: Release) -> str | None:
    return runs.run_state(DEPLOY_DAG if release.request else ROLLBACK_DAG, release.id)


def _bring_to_its_end(platform: Platform, release: Release) -> Release:
    if release.request is None:
        reason = release.reason or "resumed after its run was lost"
        return ensure_rolled_back(
            platform, release.service, release.id, actor=release.actor, reason=reason
        )
    return ensure_settled(platform, release.id) or release


def _free_stale_claim(platform: Platform, runs: Runs, service: str) -> str | None:
    """Let go of a claim whose Release ended, or was never recorded, and whose run is over."""
    holder = platform.records.claimant(service)
    if holder is None:
        return None
    release = platform.records.find(holder)
    has_ended = release is None or release.phase.is_end
    if not has_ended or is_under_way(runs.run_state(DEPLOY_DAG, holder)):
        return None
    platform.records.disclaim(service, holder)
    return holder
