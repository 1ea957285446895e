"""A Release's ledger, told: phases with their seconds, the share, verdicts, orders. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tiffin.release.ledger import Entry
from tiffin.release.phases import Phase
from tiffin.traffic.split import WHOLE


@dataclass(frozen=True, slots=True)
class PhaseTime:
    """One phase that a Release was in, and for how long."""

    phase: Phase
    seconds: float
    is_over: bool


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Where a Release is: its phases, the candidate's share (0 to 1) and what was said last."""

    phases: tuple[PhaseTime, ...]
    share: float
    said: str


@dataclass(frozen=True, slots=True)
class Line:
    """One sentence of the story."""

    at: datetime
    sentence: str


def snapshot(entries: Sequence[Entry], now: datetime) -> Snapshot:
    """Sum up a ledger as it is at a moment."""
    looks = [entry for entry in entries if entry.kind in ("look", "unmeasured")]
    counted = [entry.body["share"] for entry in looks if entry.kind == "look"]
    return Snapshot(
        phases=_phase_times(entries, now),
        share=counted[-1] / WHOLE if counted else 0.0,
        said=str(looks[-1].body["reason"]) if looks else "",
    )


def tell(entries: Sequence[Entry]) -> tuple[Line, ...]:
    """Tell a ledger line by line; of a row of looks at one share with one verdict, the last."""
    kept = [
        entry
        for entry, after in zip(entries, [*entries[1:], None], strict=True)
        if after is None or not _says_the_same(entry, after)
    ]
    return tuple(Line(entry.at, _sentence(entry)) for entry in kept)


def _phase_times(entries: Sequence[Entry], now: datetime) -> tuple[PhaseTime, ...]:
    moves = [(Phase.PENDING, entry.at) for entry in entries[:1]]
    for entry in entries:
        if entry.kind == "phase" and entry.body["to"] != entry.body["from"]:
            moves.append((Phase(entry.body["to"]), entry.at))
    ends = [at for _, at in moves[1:]] + [now]
    return tuple(
        PhaseTime(phase, (end - at).total_seconds(), number < len(moves))
        for number, ((phase, at), end) in enumerate(zip(moves, ends, strict=True), start=1)
        if not phase.is_end
    )


def _says_the_same(entry: Entry, after: Entry) -> bool:
    if entry.kind != "look" or after.kind != "look":
        return False
    return all(entry.body[key] == after.body[key] for key in ("share", "decision"))


def _sentence(entry: Entry) -> str:
    return _TELLERS.get(entry.kind, _other)(entry.body) or entry.kind


def _asked(body: Mapping[str, Any]) -> str:
    return f"{body['actor']} asked for version {body['version']} of {body['model']}"


def _phase(body: Mapping[str, Any]) -> str:
    if body["to"] == body["from"]:
        known = sorted(set(body) - {"from", "to", "reason"})
        return f"{body['to']}: {', '.join(known)} noted"
    return f"{body['to']}: {body['reason']}" if body["reason"] else str(body["to"])


def _look(body: Mapping[str, Any]) -> str:
    return f"looked at {body['share'] / WHOLE:.1%}: {body['decision']}, {body['reason']}"


def _validated(body: Mapping[str, Any]) -> str:
    return f"validation {'passed' if body['passed'] else 'failed'}, report at {body['report']}"


def _smoked(body: Mapping[str, Any]) -> str:
    return "smoke test passed" if body["passed"] else f"smoke: {'; '.join(body['failures'])}"


def _other(body: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in sorted(body.items()))


_TELLERS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "asked": _asked,
    "phase": _phase,
    "look": _look,
    "validated": _validated,
    "smoked": _smoked,
    "unmeasured": lambda body: f"not measured: {body['reason']}",
    "image": lambda body: f"runs {body['image']}",
    "order": lambda body: f"{body['actor']} ordered: {body['order']}",
    "error": lambda body: f"{body['phase']} failed: {body['message']} [{body['code']}]",
}
