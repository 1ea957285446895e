"""Moving traffic back: first, fast, and needing nothing but the router.

`move_traffic_back` is a Release undoing its own share. `roll_back_traffic` is the fast lane: it
takes the Service away from whoever holds it, so that a rollback wins over a deploy in progress.
"""

from __future__ import annotations

from dataclasses import dataclass

from tiffin.errors import FencedError, RefusedError
from tiffin.platform import Platform
from tiffin.release.release import Release
from tiffin.traffic.router import Route, Router

_TRIES = 10
ABORT = "abort-"
"""What the holder's name begins with after an abort."""


@dataclass(frozen=True, slots=True)
class TrafficMoved:
    """What a rollback did: whom it relieved, and whether this call changed anything."""

    service: str
    from_revision: str
    to_revision: str
    changed: bool
    relieved: str
    """The Release that held the Service before."""


def move_traffic_back(platform: Platform, release: Release) -> None:
    """Give all traffic to the Revision that carried it before this Release; twice is once.

    Does nothing when another Release holds the Service: that one has decided already.
    """
    route = platform.router.read(release.service)
    if route is None or route.holder != release.id or release.stable is None:
        return
    previous = route.previous if route.previous != release.stable else None
    platform.router.write(
        route.split.back_on(release.stable), release=release.id, previous=previous
    )


def was_taken_back(router: Router, release: Release) -> bool:
    """True when somebody else has moved the traffic away from a Release's candidate.

    A newer Release that was promoted has not: it keeps the candidate as its way back. Nor has a
    person who aborted it: they changed their mind, nobody found it bad.
    """
    route = router.read(release.service)
    if route is None or release.candidate is None:
        return False
    if route.holder == release.id or route.holder.startswith(ABORT):
        return False
    name = release.candidate.name
    return route.split.weight(name) == 0 and route.previous != name


def roll_back_traffic(
    router: Router, service: str, rollback: str, revision: str | None = None
) -> TrafficMoved:
    """Take the Service over and give its traffic to the Revision before.

    While a candidate has a share, that is stable; otherwise it is the Revision that the last
    promotion replaced. `revision` names the one that was found bad: if it carries nothing any
    more, nothing changes. The same `rollback` id twice moves once.

    Raises RefusedError `unknown-service` or `nothing-to-roll-back-to`.
    """
    for _ in range(_TRIES):
        route = router.read(service)
        if route is None:
            raise RefusedError(
                f"no traffic of a service {service!r} is routed; the routed ones: "
                f"{', '.join(router.services()) or 'none'}",
                code="unknown-service",
            )
        if route.holder == rollback:
            return TrafficMoved(service, "", route.split.fallback, False, rollback)
        bad, good = _bad_and_good(route, revision)
        if bad is None or good is None:
            return TrafficMoved(service, revision or "", route.split.fallback, False, route.holder)
        try:
            router.write(route.split.back_on(good), release=rollback, at=route.generation)
        except FencedError:
            continue
        return TrafficMoved(service, bad, good, True, route.holder)
    raise FencedError(
        f"{service} changed hands {_TRIES} times while it was to be rolled back; try again",
        code="router-contended",
    )


def _bad_and_good(route: Route, revision: str | None) -> tuple[str | None, str | None]:
    """Say which Revision to relieve and which to trust; (None, None) for stale news."""
    split = route.split
    sharing = [b.revision for b in split.backends if b.weight and b.revision != split.fallback]
    if revision is None:
        revision = sharing[0] if sharing else split.fallback
    if revision in sharing:
        return revision, split.fallback
    if revision != split.fallback:
        return None, None
    if route.previous is None:
        raise RefusedError(
            f"{split.service} has no revision to go back to: {split.fallback} replaced none, or "
            "its rollback window is over; deploy an older version instead",
            code="nothing-to-roll-back-to",
        )
    return split.fallback, route.previous
