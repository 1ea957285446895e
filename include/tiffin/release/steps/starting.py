"""Start the candidate beside stable, at no share of traffic, and ask it the golden questions."""

from __future__ import annotations

import time

from tiffin.errors import MeasuredBadError, UnavailableError
from tiffin.platform import Platform
from tiffin.release.phases import Phase
from tiffin.release.release import Release
from tiffin.release.steps.preparing import GOLDEN
from tiffin.release.steps.step import ensure_still_ours, service_of, step
from tiffin.smoke.report import SmokeReport
from tiffin.smoke.smoke import run_smoke
from tiffin.targets.target import Revision, RevisionState
from tiffin.traffic.split import Backend, Endpoint

READY_WITHIN_S = 180.0
_POLL_S = 0.25


@step(Phase.STARTING)
def ensure_started(platform: Platform, release: Release) -> Release:
    """Start the candidate and wait until it is ready, then show it to the router at weight 0.

    Raises MeasuredBadError `candidate-failed` when it keeps exiting, UnavailableError
    `candidate-slow` when it is not ready in time.
    """
    ensure_still_ours(platform, release)
    assert release.candidate is not None
    platform.target.ensure_started(release.candidate)
    endpoint = wait_until_ready(platform, release.candidate)
    route = platform.router.read(release.service)
    if route is not None:
        shown = route.split.shifted(Backend(release.candidate.name, endpoint, 0))
        platform.router.write(shown, release=release.id, previous=route.previous)
    return platform.records.release(release.id)


@step(Phase.SMOKING)
def ensure_smoked(platform: Platform, release: Release) -> Release:
    """Post the golden requests straight to the candidate."""
    ensure_still_ours(platform, release)
    assert release.candidate is not None
    report = _smoke(platform, release, release.candidate)
    state = platform.target.status(release.service, release.candidate.name).state
    if not report.passed and state is not RevisionState.READY:
        report = _smoke(platform, release, release.candidate)  # it was killed, not wrong
    body = {"passed": report.passed, "failures": list(report.failures)}
    platform.records.note(release.id, "smoked", body)
    if not report.passed:
        raise MeasuredBadError(
            f"{release.candidate.name} of {release.service} failed its smoke test: "
            f"{'; '.join(report.failures)}",
            code="smoke-failed",
        )
    return platform.records.release(release.id)


def _smoke(platform: Platform, release: Release, candidate: Revision) -> SmokeReport:
    endpoint = wait_until_ready(platform, candidate)
    golden = platform.workspace_of(release.id) / GOLDEN
    service = service_of(platform, release)
    return run_smoke(service, f"http://{endpoint}", golden if golden.exists() else None)


def wait_until_ready(platform: Platform, revision: Revision) -> Endpoint:
    """Poll the target until the Revision is ready; return where it answers."""
    deadline = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline:
        status = platform.target.status(revision.service, revision.name)
        if status.state is RevisionState.READY and status.endpoint is not None:
            return status.endpoint
        if status.state is RevisionState.FAILED:
            raise MeasuredBadError(
                f"{revision.name} of {revision.service} does not start: {status.reason}",
                code="candidate-failed",
            )
        time.sleep(_POLL_S)
    raise UnavailableError(
        f"{revision.name} of {revision.service} was not ready within {READY_WITHIN_S:.0f} s; see "
        f"`tiffin logs {revision.service}`",
        code="candidate-slow",
    )
