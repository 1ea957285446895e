"""Clean-up: Revisions that nobody needs any more leave the Split, drain and are retired."""

from __future__ import annotations

from datetime import UTC, datetime

from tiffin.errors import FencedError, UnavailableError
from tiffin.platform import Platform
from tiffin.release.phases import Phase
from tiffin.release.release import Release
from tiffin.traffic.router import Route

_DRAIN_S = 10.0


def tidy(platform: Platform, service: str, *, by: str) -> tuple[str, ...]:
    """Retire what is neither stable nor the Revision to go back to; return their names.

    The Service is held for `by` meanwhile, so that no Release begins on what is being retired. Does
    nothing while another Release holds it or is on its way: that one knows best what it needs.
    """
    if not _has_leftovers(platform, service):
        return ()
    if platform.records.claim(service, by) != by:
        return ()
    try:
        return _tidied(platform, service, by)
    finally:
        platform.records.disclaim(service, by)


def _has_leftovers(platform: Platform, service: str) -> bool:
    route = platform.router.read(service)
    keep = _needed(platform, route) if route else frozenset()
    shown = {backend.revision for backend in route.split.backends} if route else set()
    running = {status.name for status in platform.target.revisions(service)}
    return bool((shown | running) - keep)


def _tidied(platform: Platform, service: str, by: str) -> tuple[str, ...]:
    route = platform.router.read(service)  # before the Releases: a later one moves it on
    on_the_way = [
        release
        for release in platform.records.in_progress(service)
        if release.phase is not Phase.WATCHING and not release.is_dry_run
    ]
    if on_the_way:
        return ()
    if route is None:
        return _retire(platform, service, keep=frozenset())
    keep = _needed(platform, route)
    extra = [b.revision for b in route.split.backends if b.revision not in keep]
    if extra:
        try:
            _drop(platform, route, extra, keep, f"tidy-{by}")
        except (FencedError, UnavailableError):
            return ()  # somebody is quicker, or requests are in flight: next time
    return _retire(platform, service, keep=keep)


def _needed(platform: Platform, route: Route) -> frozenset[str]:
    """Return the Revisions with weight, the fallback, and the previous within its window."""
    kept = {b.revision for b in route.split.backends if b.weight} | {route.split.fallback}
    if route.previous and not _window_is_over(platform, route):
        kept.add(route.previous)
    return frozenset(kept)


def _window_is_over(platform: Platform, route: Route) -> bool:
    service = route.split.service
    promoted = [
        release
        for release in platform.records.history(service, limit=50)
        if release.candidate is not None and release.candidate.name == route.split.fallback
    ]
    since = [
        entry.at
        for release in promoted
        for entry in platform.records.entries(release.id, "phase")
        if entry.body["to"] == Phase.WATCHING.value
    ]
    window = platform.catalog.service(service).rollback_window
    return bool(since) and datetime.now(UTC) - max(since) > window


def _drop(
    platform: Platform, route: Route, extra: list[str], keep: frozenset[str], by: str
) -> None:
    """Take them out of the Split; the watch of a Release that holds it goes on undisturbed."""
    holder = _watcher(platform, route) or by
    split = route.split
    for revision in extra:
        split = split.without(revision)
    previous = route.previous if route.previous in keep else None
    platform.router.write(split, release=holder, previous=previous, at=route.generation)
    for revision in extra:  # only now: pinned callers could keep one busy that is in the Split
        platform.router.wait_idle(split.service, revision, timeout_s=_DRAIN_S)


def _watcher(platform: Platform, route: Route) -> str | None:
    holder: Release | None = platform.records.find(route.holder)
    watching = holder is not None and holder.phase is Phase.WATCHING
    return route.holder if watching else None


def _retire(platform: Platform, service: str, keep: frozenset[str]) -> tuple[str, ...]:
    retired = []
    for status in platform.target.revisions(service):
        if status.name not in keep:
            platform.target.ensure_retired(service, status.name)
            retired.append(status.name)
    return tuple(retired)
