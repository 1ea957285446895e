from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from tiffin.demo.measures import Answer, Ended, Outcome, Seen
from tiffin.demo.summary import show, write

OUTCOME = Outcome(
    seen=Seen(3, 1, (Answer(1.0, 200, "v1-ab"), Answer(2.0, 200, "v2-cd"), Answer(3.0, 500, ""))),
    seconds=81.04,
    releases=(Ended("credit-risk-v2-1", "credit-risk", "2", "Successful", "Successful", "live"),),
    seconds_webhook_to_promoted=20.1234,
    seconds_bad_canary_to_rolled_back=float("nan"),
    seconds_alert_to_last_bad_answer=0.1,
    live_version="1",
    expected_version="1",
    versions={"credit-risk:v2": "2"},
)


def test_writes_what_scripts_read(tmp_path: Path) -> None:
    told = json.loads(write(OUTCOME, tmp_path).read_text())
    assert (told["requests_sent"], told["requests_failed"], told["seconds"]) == (3, 1, 81.0)
    assert told["seconds_webhook_to_promoted"] == 20.123
    assert told["seconds_bad_canary_to_rolled_back"] is None
    assert told["releases"][0]["phase"] == "Successful"
    assert told["problems"] == ["1 requests failed"]


def test_shows_the_figures_the_picture_and_the_problems() -> None:
    console = Console(record=True, width=120)
    show(replace(OUTCOME), console)
    text = console.export_text()
    assert "20.12 s" in text
    assert "never" in text
    assert "v2-cd" in text
    assert "not as it should be: 1 requests failed" in text
