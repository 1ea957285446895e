"""Roll back and abort: what wins over every Release in progress.

The order is the point: traffic first (it needs the router alone), record second, clean-up third.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime

from tiffin.errors import FencedError, RefusedError
from tiffin.platform import Platform
from tiffin.registry.model_version import BAD_TAG, CHALLENGER, CHAMPION
from tiffin.release.cleaning import tidy
from tiffin.release.phases import Phase
from tiffin.release.release import Release
from tiffin.release.steps.ending import ensure_settled
from tiffin.release.traffic_back import ABORT, TrafficMoved, roll_back_traffic
from tiffin.targets.target import Revision


def ensure_rolled_back(
    platform: Platform,
    service: str,
    rollback: str,
    *,
    actor: str,
    reason: str,
    revision: str | None = None,
) -> Release:
    """Move the traffic back (if the fast lane has not), record why, tag the bad version, clean up.

    `rollback` is the id of this rollback and of its DAG run; the same id twice is one rollback.
    """
    known = platform.records.find(rollback)
    if known is not None and known.phase.is_end:
        tidy(platform, service, by=rollback)
        return known
    opened = known or _moved_and_recorded(platform, service, rollback, actor, revision)
    good = platform.records.revision(service, opened.stable or "")
    bad = opened.candidate
    if bad is not None:
        _end_losers(platform, service, rollback, bad, reason)
        _correct_registry(platform, opened, good, bad, reason)
    sentence = f"{bad.name} to {opened.stable}: {reason}" if bad else f"nothing to do: {reason}"
    ended = platform.records.move(rollback, Phase.ROLLED_BACK, reason=sentence)
    tidy(platform, service, by=rollback)
    return ended


def ensure_aborted(platform: Platform, release_id: str, *, actor: str) -> Release:
    """Stop a Release ahead of its promotion: traffic to stable, its tasks fenced, then settled.

    The version is not tagged bad: a person changed their mind, nothing was measured.
    """
    release = platform.records.release(release_id)
    if release.phase.is_end:
        return release
    if not release.phase.is_ahead_of_promotion:
        raise RefusedError(
            f"release {release_id} has been promoted; `tiffin rollback {release.service}` goes "
            "back to the revision before",
            code="already-promoted",
        )
    _take_traffic_from(platform, release, f"{ABORT}{release_id}")
    platform.records.move(release_id, Phase.ABORTED, reason=f"aborted by {actor}")
    settled = ensure_settled(platform, release_id)
    assert settled is not None
    return settled


def _take_traffic_from(platform: Platform, release: Release, by: str) -> None:
    route = platform.router.read(release.service)
    if route is None or route.holder != release.id:
        return
    back = route.split.back_on(release.stable or route.split.fallback)
    platform.router.write(back, release=by, previous=route.previous, at=route.generation)


def _moved_and_recorded(
    platform: Platform, service: str, rollback: str, actor: str, revision: str | None
) -> Release:
    """Move the traffic, then record the rollback; a retry finds the record and moves no more."""
    moved = roll_back_traffic(platform.router, service, rollback, revision)
    bad = None
    if moved.from_revision:
        bad = platform.records.revision(service, moved.from_revision)
    elif moved.relieved == rollback:  # the fast lane was here
        named = platform.records.revision(service, revision) if revision else None
        bad = named or _newest_not_live(platform, service, moved)
    good = platform.records.revision(service, moved.to_revision)
    return platform.records.open(_rollback_release(platform, service, rollback, actor, good, bad))


def _newest_not_live(platform: Platform, service: str, moved: TrafficMoved) -> Revision | None:
    route = platform.router.read(service)
    shown = {b.revision for b in route.split.backends} if route else set()
    for release in platform.records.history(service, limit=50):
        candidate = release.candidate
        if candidate and candidate.name in shown and candidate.name != moved.to_revision:
            return candidate
    return None


def _rollback_release(
    platform: Platform,
    service: str,
    rollback: str,
    actor: str,
    good: Revision | None,
    bad: Revision | None,
) -> Release:
    now = datetime.now(UTC)
    return Release(
        id=rollback,
        service=service,
        model=platform.catalog.service(service).model,
        version=good.version if good else "",
        actor=actor,
        phase=Phase.PENDING,
        begun_at=now,
        changed_at=now,
        stable=good.name if good else None,
        candidate=bad,
    )


def _end_losers(
    platform: Platform, service: str, rollback: str, bad: Revision, reason: str
) -> None:
    """End every other Release in progress: it was fenced when the traffic moved.

    Stale news moved nothing and ends nobody; a Release whose own candidate is trusted goes on.
    """
    route = platform.router.read(service)
    if route is None or route.holder != rollback:
        return
    for loser in platform.records.in_progress(service):
        if loser.id == rollback or loser.is_dry_run:
            continue
        if loser.candidate is not None and loser.candidate.name == route.split.fallback:
            continue
        is_bad = loser.candidate is not None and loser.candidate.name == bad.name
        end = Phase.ROLLED_BACK if is_bad and loser.phase in _TRAFFIC else Phase.ABORTED
        with suppress(FencedError):
            platform.records.move(loser.id, end, reason=f"{rollback}: {reason}")
        platform.records.disclaim(service, loser.id)


_TRAFFIC = (Phase.RAMPING, Phase.PROMOTING, Phase.WATCHING)


def _correct_registry(
    platform: Platform, rollback: Release, good: Revision | None, bad: Revision, reason: str
) -> None:
    platform.registry.set_tag(rollback.model, bad.version, BAD_TAG, f"{rollback.id}: {reason}")
    platform.registry.delete_alias(rollback.model, CHALLENGER, only_if=bad.version)
    if good is not None:
        platform.registry.set_alias(rollback.model, CHAMPION, good.version)
