"""Promote: all traffic and the champion alias, stable kept warm. Then watch it for a while."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from tiffin.analysis.readings import blocks_between
from tiffin.analysis.verdict import Analysis, AnalysisPolicy, Decision
from tiffin.errors import FencedError, MeasuredBadError, UnavailableError
from tiffin.platform import Platform
from tiffin.registry.model_version import CHALLENGER, CHAMPION
from tiffin.release.phases import Phase
from tiffin.release.release import Release
from tiffin.release.steps.starting import wait_until_ready
from tiffin.release.steps.step import ensure_still_ours, service_of, step
from tiffin.release.traffic_back import move_traffic_back, was_taken_back
from tiffin.services.spec import Service
from tiffin.traffic.split import WHOLE, Backend, Split, Timeouts


@step(Phase.PROMOTING)
def ensure_promoted(platform: Platform, release: Release) -> Release:
    """Traffic first, then the aliases; stable stays warm as the Revision to go back to."""
    assert release.candidate is not None
    service = service_of(platform, release)
    endpoint = wait_until_ready(platform, release.candidate)
    route = platform.router.read(release.service)
    if route is None:
        split = first_split(platform, service, Backend(release.candidate.name, endpoint, WHOLE))
    else:
        split = route.split.promoted(release.candidate.name)
    platform.router.write(split, release=release.id, previous=release.stable)
    version = release.version
    platform.registry.set_alias(release.model, CHAMPION, version)
    platform.registry.delete_alias(release.model, CHALLENGER, only_if=version)
    return platform.records.release(release.id)


@step(Phase.WATCHING)
def ensure_watched(platform: Platform, release: Release) -> Release:
    """Judge the promoted Revision on its own until the watch is over; then it is Successful.

    The Service is free for the next Release meanwhile; one that takes over ends the watch. There
    is no stable beside it, so the promise is the ceiling of the service file.
    """
    platform.records.disclaim(release.service, release.id)
    service = service_of(platform, release)
    if release.stable is not None:
        _watch(platform, release, service)
    reason = f"{release.candidate.name if release.candidate else release.version} is live"
    return platform.records.move(release.id, Phase.SUCCESSFUL, reason=reason)


def first_split(platform: Platform, service: Service, backend: Backend) -> Split:
    """Return the Split of a Service that is deployed for the first time."""
    return Split(
        service=service.name,
        port=service.port + platform.port_offset,
        backends=(backend,),
        fallback=backend.revision,
        sticky_header=service.sticky_header,
        timeouts=Timeouts(
            service.timeouts.request.total_seconds(), service.timeouts.per_try.total_seconds()
        ),
    )


def _watch(platform: Platform, release: Release, service: Service) -> None:
    assert release.candidate is not None
    analysis = Analysis.begin(AnalysisPolicy.from_service(service))
    begun = next(
        entry.at
        for entry in platform.records.entries(release.id, "phase")
        if entry.body["to"] == Phase.WATCHING.value
    )
    before = None
    while datetime.now(UTC) - begun < service.watch:
        try:
            ensure_still_ours(platform, release)
        except FencedError:
            if was_taken_back(platform.router, release):
                raise
            return  # a newer Release: the watch is over, and it was good
        try:
            before = before or platform.counters.read(release.service)
            time.sleep(service.rollout.look_every.total_seconds())
            after = platform.counters.read(release.service)
        except UnavailableError:
            before = None
            time.sleep(1.0)
            continue
        block = blocks_between(before, after, str(release.stable), release.candidate.name)
        before = after
        if block is None:
            continue
        analysis, verdict = analysis.watched(block)
        if verdict.decision is Decision.ROLLBACK:
            move_traffic_back(platform, release)
            raise MeasuredBadError(
                f"{release.candidate.name} of {release.service} was rolled back after its "
                f"promotion: {verdict.reason}",
                code="promoted-worse",
            )
