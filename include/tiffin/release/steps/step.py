"""What all steps share: enter the phase once, skip it when it is passed, record why it failed."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from typing import Concatenate, ParamSpec

from tiffin.errors import FencedError, TiffinError, UnavailableError
from tiffin.platform import Platform
from tiffin.release.phases import Phase, has_passed
from tiffin.release.release import Release
from tiffin.services.spec import Service

P = ParamSpec("P")
Body = Callable[Concatenate[Platform, Release, P], Release]
Step = Callable[Concatenate[Platform, str, P], Release]


def step(phase: Phase) -> Callable[[Body[P]], Step[P]]:
    """Make a step of a phase out of its body.

    The step takes a Release's id, moves it to the phase and runs the body. A phase that was
    passed is not run again, so a task may be cleared and repeated. A Release that has ended
    raises FencedError. A TiffinError is written to the ledger before it goes on its way.
    """

    def decorate(body: Body[P]) -> Step[P]:
        @wraps(body)
        def run(
            platform: Platform, release_id: str, /, *args: P.args, **kwargs: P.kwargs
        ) -> Release:
            release = platform.records.release(release_id)
            if has_passed(release.phase, phase):
                return release
            release = platform.records.move(release_id, phase)
            try:
                return body(platform, release, *args, **kwargs)
            except TiffinError as error:
                if _is_told_already(platform, release_id, error):
                    raise
                record_error(platform, release_id, phase, error)
                raise

        return run

    return decorate


def _is_told_already(platform: Platform, release_id: str, error: TiffinError) -> bool:
    """True when another process writes this Release's story: the one that goes on, or ended it."""
    if not isinstance(error, FencedError):
        return False
    return error.code == "superseded" or platform.records.release(release_id).phase.is_end


def record_error(platform: Platform, release: str, phase: Phase, error: TiffinError) -> None:
    """Write an error to the ledger; when the records themselves are down, it stays in the log."""
    body = {
        "phase": phase.value,
        "branch": type(error).__name__,
        "code": error.code,
        "message": error.message,
    }
    with suppress(UnavailableError):
        platform.records.note(release, "error", body)


def service_of(platform: Platform, release: Release) -> Service:
    """Return the Release's Service with the overrides that its request asked for."""
    service = platform.catalog.service(release.service)
    return release.request.applied_to(service) if release.request else service


def ensure_still_ours(platform: Platform, release: Release) -> None:
    """Raise FencedError when another Release has taken the Service over, or this one has ended."""
    now = platform.records.release(release.id)
    if now.phase.is_end:
        raise FencedError(
            f"release {release.id} has ended ({now.phase}: {now.reason})", code="release-ended"
        )
    route = platform.router.read(release.service)
    if route is not None and route.holder != release.id:
        raise FencedError(
            f"release {release.id} lost {release.service} to {route.holder}; it writes no more",
            code="fenced",
        )
