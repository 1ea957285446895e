"""The phases of a Release and the one table of legal transitions."""

from __future__ import annotations

from enum import StrEnum
from itertools import pairwise

from tiffin.errors import RefusedError


class Phase(StrEnum):
    """Where a Release is; the last six are ends."""

    PENDING = "Pending"
    VALIDATING = "Validating"
    PACKAGING = "Packaging"
    BUILDING = "Building"
    STARTING = "Starting"
    SMOKING = "Smoking"
    RAMPING = "Ramping"
    PROMOTING = "Promoting"
    WATCHING = "Watching"
    SUCCESSFUL = "Successful"
    ROLLED_BACK = "RolledBack"
    ABORTED = "Aborted"
    FAILED = "Failed"
    ERROR = "Error"
    INCONCLUSIVE = "Inconclusive"

    @property
    def is_end(self) -> bool:
        """True when nothing more will happen to the Release."""
        return self in ENDS

    @property
    def is_ahead_of_promotion(self) -> bool:
        """True while stable still is what it was when the Release began."""
        return self in _WAY[: _WAY.index(Phase.PROMOTING)]


ENDS = frozenset(
    {
        Phase.SUCCESSFUL,
        Phase.ROLLED_BACK,
        Phase.ABORTED,
        Phase.FAILED,
        Phase.ERROR,
        Phase.INCONCLUSIVE,
    }
)
_WAY = (
    Phase.PENDING,
    Phase.VALIDATING,
    Phase.PACKAGING,
    Phase.BUILDING,
    Phase.STARTING,
    Phase.SMOKING,
    Phase.RAMPING,
    Phase.PROMOTING,
    Phase.WATCHING,
    Phase.SUCCESSFUL,
)
_UNHAPPY = ENDS - {Phase.SUCCESSFUL}
LEGAL: dict[Phase, frozenset[Phase]] = {
    **{here: frozenset({there}) | _UNHAPPY for here, there in pairwise(_WAY)},
    **{end: frozenset() for end in ENDS},
}
LEGAL[Phase.BUILDING] |= {Phase.SUCCESSFUL}
"""From each phase, the phases that may follow it: the next on the way, or an unhappy end.

A Release whose Revision is live already, and a dry run, succeed once the image is known.
"""


def has_passed(now: Phase, step: Phase) -> bool:
    """True when a Release in phase `now` has already left `step` behind on the happy way."""
    return now in _WAY and step in _WAY and _WAY.index(now) > _WAY.index(step)


def check_transition(release: str, here: Phase, there: Phase) -> None:
    """Raise RefusedError (`illegal-transition`) unless `there` may follow `here`."""
    if there not in LEGAL[here]:
        allowed = ", ".join(sorted(LEGAL[here])) or "nothing, it has ended"
        raise RefusedError(
            f"release {release} is {here} and can't become {there}; what may follow: {allowed}",
            code="illegal-transition",
        )
