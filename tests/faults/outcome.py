"""What became of each fault, as a value, and all of them as a table."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tests.e2e.patient_load import LoadReport
from tests.faults.kills import Kill
from tests.faults.matrix import Fault
from tiffin.release.phases import Phase
from tiffin.release.release import Release

_HEAD = (
    "| at phase | killed | release ended as | live | seconds | requests "
    "| no answer | bad answer | after one retry |"
)
_NOTE = (
    "`seconds` are until one consistent state was left; where the same part was killed again at the"
    " next phase of the same release, until the release had gone on to that phase. `no answer` and"
    " `bad answer` count first tries of callers that never retry; `after one retry` is what is left"
    " of them for callers who ask once more, 3 s later. `envoy` is one of the two: what was in"
    " flight in it gets no answer. While both are dead (`gateway`) nothing can answer; while the"
    " only revision with traffic is dead, Envoy answers 503."
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
    was_dead: bool = False

    @classmethod
    def of(
        cls, kill: Kill, ended: Release | None, live: str | None, seconds: float, saw: LoadReport
    ) -> Outcome:
        """Sum up one kill; `ended` is None when its release did not converge."""
        return cls(
            fault=kill.fault,
            ended=ended.phase if ended else None,
            live=live,
            seconds=seconds,
            sent=saw.sent,
            unanswered=saw.unanswered,
            answered_badly=saw.answered_badly,
            failed_after_retry=saw.failed_after_retry,
            was_dead=kill.was_dead,
        )


def as_markdown(outcomes: Iterable[Outcome]) -> str:
    """Draw the table."""
    rows = [_HEAD, "|---" * (_HEAD.count("|") - 1) + "|", *(_row(o) for o in outcomes)]
    return "\n".join([*rows, "", _NOTE, ""])


def _row(outcome: Outcome) -> str:
    fault = outcome.fault
    ended = outcome.ended.value if outcome.ended else "DID NOT CONVERGE"
    victim = f"{fault.victim} (still dead)" if outcome.was_dead else fault.victim.value
    cells = (
        *(fault.phase.value, victim, ended, f"v{outcome.live}"),
        *(f"{outcome.seconds:.0f}", outcome.sent, outcome.unanswered),
        *(outcome.answered_badly, outcome.failed_after_retry),
    )
    return "".join(f"| {cell} " for cell in cells) + "|"
