"""What was seen, and what it means: times between moments, the picture of the traffic. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from tiffin.release.ledger import Entry
from tiffin.release.phases import Phase

_BARS = " ▁▂▃▄▅▆▇█"


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer a caller got: when (Unix seconds), the status, and which Revision gave it."""

    at: float
    status: int
    revision: str


@dataclass(frozen=True, slots=True)
class Seen:
    """Everything the callers saw."""

    requests_sent: int
    requests_failed: int
    answers: tuple[Answer, ...]


@dataclass(frozen=True, slots=True)
class Ended:
    """One Release of the story: what was expected of it, and how it ended."""

    release: str
    service: str
    version: str
    phase: str
    expected: str
    reason: str


@dataclass(frozen=True)
class Outcome:
    """What the demo found."""

    seen: Seen
    seconds: float
    releases: tuple[Ended, ...]
    seconds_webhook_to_promoted: float
    seconds_bad_canary_to_rolled_back: float
    seconds_alert_to_last_bad_answer: float
    live_version: str
    expected_version: str
    versions: dict[str, str] = field(default_factory=dict)

    @property
    def problems(self) -> tuple[str, ...]:
        """Say what is not as it should be, in sentences."""
        wrong = [
            f"{ended.release} ended as {ended.phase}, not {ended.expected}: {ended.reason}"
            for ended in self.releases
            if ended.phase != ended.expected
        ]
        if self.seen.requests_failed:
            wrong.append(f"{self.seen.requests_failed} requests failed")
        if not self.seen.requests_sent:
            wrong.append("no request was sent")
        if self.live_version != self.expected_version:
            wrong.append(f"version {self.live_version} is live, not {self.expected_version}")
        return tuple(wrong)


def entered(entries: Sequence[Entry], phase: Phase) -> float | None:
    """Return when a Release entered a phase, in Unix seconds, or None if it never did."""
    moves = [entry for entry in entries if entry.kind == "phase" and entry.body["to"] == phase]
    return moves[0].at.timestamp() if moves else None


def failed_at(entries: Sequence[Entry]) -> float | None:
    """Return when the verdict was recorded; its traffic had been moved back by then."""
    errors = [entry for entry in entries if entry.kind == "error"]
    return errors[0].at.timestamp() if errors else None


def seconds_between(begin: float | None, end: float | None) -> float:
    """Return the time between two moments; not a number when one of them never came."""
    return end - begin if begin is not None and end is not None else float("nan")


def last_answer(answers: Sequence[Answer], revision: str) -> float | None:
    """Return when a Revision last answered a caller."""
    return max((answer.at for answer in answers if answer.revision == revision), default=None)


def shares_over_time(answers: Sequence[Answer], columns: int = 60) -> dict[str, str]:
    """Draw, per Revision, its share of the answers over time as a row of bars."""
    if not answers:
        return {}
    begin, end = answers[0].at, max(answer.at for answer in answers)
    width = max(end - begin, 1e-9) / columns
    cells = Counter(
        (answer.revision, min(int((answer.at - begin) / width), columns - 1)) for answer in answers
    )
    totals: Counter[int] = Counter()
    for (_, column), count in cells.items():
        totals[column] += count
    revisions = dict.fromkeys(answer.revision for answer in answers if answer.revision)
    return {
        revision: "".join(_bar(cells[revision, c], totals[c]) for c in range(columns))
        for revision in revisions
    }


def _bar(count: int, total: int) -> str:
    if not count:
        return _BARS[0]
    return _BARS[max(1, round(count / total * (len(_BARS) - 1)))]
