from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tiffin.cli.story import snapshot, tell
from tiffin.release.ledger import Entry, next_entry
from tiffin.release.phases import Phase

BEGUN = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)


def ledger(*lines: tuple[float, str, dict[str, Any]]) -> list[Entry]:
    entries: list[Entry] = []
    for seconds, kind, body in lines:
        last = entries[-1] if entries else None
        at = BEGUN + timedelta(seconds=seconds)
        entries.append(next_entry("credit-risk-v2-1", last, at, kind, body))
    return entries


def moved(here: str, there: str, reason: str = "") -> dict[str, Any]:
    return {"from": here, "to": there, "reason": reason}


def look(share: int, reason: str, decision: str = "hold") -> dict[str, Any]:
    return {"share": share, "decision": decision, "reason": reason}


ASKED = (0.0, "asked", {"actor": "ada", "version": "2", "model": "credit-risk"})


def test_says_how_long_each_phase_took_and_which_one_runs() -> None:
    entries = ledger(
        ASKED,
        (1.0, "phase", moved("Pending", "Validating")),
        (4.5, "phase", moved("Validating", "Validating")),
        (5.0, "phase", moved("Validating", "Packaging")),
    )
    now = snapshot(entries, BEGUN + timedelta(seconds=7))
    assert [(time.phase, time.seconds, time.is_over) for time in now.phases] == [
        (Phase.PENDING, 1.0, True),
        (Phase.VALIDATING, 4.0, True),
        (Phase.PACKAGING, 2.0, False),
    ]


def test_leaves_the_end_out_of_the_phases_that_took_time() -> None:
    entries = ledger(ASKED, (3.0, "phase", moved("Pending", "Aborted", "aborted by ada")))
    now = snapshot(entries, BEGUN + timedelta(hours=9))
    assert [(time.phase, time.seconds) for time in now.phases] == [(Phase.PENDING, 3.0)]


def test_shows_the_share_of_the_last_look_and_the_last_sentence() -> None:
    entries = ledger(
        ASKED,
        (1.0, "look", look(500, "too little seen")),
        (2.0, "look", look(2500, "as good as stable so far")),
        (3.0, "unmeasured", {"reason": "the gateway did not answer"}),
    )
    now = snapshot(entries, BEGUN)
    assert now.share == 0.25
    assert now.said == "the gateway did not answer"


def test_tells_a_row_of_looks_with_one_verdict_once() -> None:
    entries = ledger(
        ASKED,
        (1.0, "look", look(500, "first")),
        (2.0, "look", look(500, "second")),
        (3.0, "look", look(500, "third", "rollback")),
        (4.0, "order", {"order": "abort", "actor": "ada"}),
    )
    assert [line.sentence for line in tell(entries)] == [
        "ada asked for version 2 of credit-risk",
        "looked at 5.0%: hold, second",
        "looked at 5.0%: rollback, third",
        "ada ordered: abort",
    ]


@pytest.mark.parametrize(
    ("kind", "body", "sentence"),
    [
        ("smoked", {"passed": False, "failures": ["good: 500"]}, "smoke: good: 500"),
        ("validated", {"passed": True, "report": "http://x"}, "validation passed, report at "),
        ("image", {"image": "credit:1@sha256:ab"}, "runs credit:1@sha256:ab"),
        ("new-kind", {"b": 2, "a": 1}, "a 1, b 2"),
        (
            "error",
            {"phase": "Smoking", "branch": "x", "code": "smoke-failed", "message": "it failed"},
            "Smoking failed: it failed [smoke-failed]",
        ),
    ],
)
def test_tells_each_kind_of_entry_as_a_sentence(kind: str, body: Any, sentence: str) -> None:
    assert tell(ledger((0.0, kind, body)))[0].sentence.startswith(sentence)
