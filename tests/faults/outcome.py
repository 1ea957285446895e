"""What became of each fault, as a value, and all of them as a table."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tests.faults.matrix import Fault
from tiffin.release.phases import Phase

_HEAD = (
    "| at phase | killed | release ended as | live | seconds to converge | requests "
    "| no answer | bad answer | after one retry |"
)
_NOTE = (
    "`no answer` and `bad answer` count first tries of callers that never retry; `after one retry`"
    " is what is left of them for callers who ask once more, 3 s later. While Envoy itself is dead"
    " nothing can answer; while the only revision with traffic is dead, Envoy answers 503."
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """One row."""

    fault: Fault
    ended: Phase | None
    live: str | None
    seconds: float
    sent: int
    unanswered: int
    answered_badly: int
    failed_after_retry: int


def as_markdown(outcomes: Iterable[Outcome]) -> str:
    """Draw the table."""
    rows = [_HEAD, "|---" * (_HEAD.count("|") - 1) + "|", *(_row(o) for o in outcomes)]
    return "\n".join([*rows, "", _NOTE, ""])


def _row(outcome: Outcome) -> str:
    fault = outcome.fault
    ended = outcome.ended.value if outcome.ended else "DID NOT CONVERGE"
    cells = (
        *(fault.phase.value, fault.victim.value, ended, f"v{outcome.live}"),
        *(f"{outcome.seconds:.0f}", outcome.sent, outcome.unanswered),
        *(outcome.answered_badly, outcome.failed_after_retry),
    )
    return "".join(f"| {cell} " for cell in cells) + "|"
