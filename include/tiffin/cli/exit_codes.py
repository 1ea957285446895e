"""What a script can tell apart by the exit code of `tiffin`; docs/cli.md has the same table."""

from __future__ import annotations

from tiffin.errors import (
    FencedError,
    MeasuredBadError,
    RefusedError,
    TiffinError,
    UnavailableError,
    UndecidedError,
)
from tiffin.release.phases import Phase

SUCCESSFUL = 0
REFUSED = 1
BAD = 2
UNAVAILABLE = 3
UNDECIDED = 4

_OF_ERRORS: dict[type[TiffinError], int] = {
    MeasuredBadError: BAD,
    RefusedError: REFUSED,
    UnavailableError: UNAVAILABLE,
    FencedError: UNDECIDED,
    UndecidedError: UNDECIDED,
    TiffinError: REFUSED,
}
_OF_ENDS = {
    Phase.SUCCESSFUL: SUCCESSFUL,
    Phase.FAILED: BAD,
    Phase.ROLLED_BACK: BAD,
    Phase.ERROR: UNAVAILABLE,
    Phase.INCONCLUSIVE: UNDECIDED,
    Phase.ABORTED: UNDECIDED,
}


def exit_code_of_error(error: TiffinError) -> int:
    """Return the exit code for an error; the first class that fits counts."""
    return next(code for kind, code in _OF_ERRORS.items() if isinstance(error, kind))


def exit_code_of_end(phase: Phase) -> int:
    """Return the exit code for the end of a deploy; one that goes on is no failure."""
    return _OF_ENDS.get(phase, SUCCESSFUL)
