"""Shows what the demo found, writes it down, and says what to open and to type next."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tiffin.demo.measures import Outcome, shares_over_time
from tiffin.home import TiffinHome, write_atomically


def as_json(outcome: Outcome) -> dict[str, Any]:
    """Return the outcome in the shape of demo-summary.json; a time that never came is null."""
    return {
        "requests_sent": outcome.seen.requests_sent,
        "requests_failed": outcome.seen.requests_failed,
        "releases": [asdict(ended) for ended in outcome.releases],
        "seconds": round(outcome.seconds, 1),
        "seconds_webhook_to_promoted": _rounded(outcome.seconds_webhook_to_promoted),
        "seconds_bad_canary_to_rolled_back": _rounded(outcome.seconds_bad_canary_to_rolled_back),
        "seconds_alert_to_last_bad_answer": _rounded(outcome.seconds_alert_to_last_bad_answer),
        "live_version": outcome.live_version,
        "versions": outcome.versions,
        "problems": list(outcome.problems),
    }


def write(outcome: Outcome, folder: Path) -> Path:
    """Write demo-summary.json, whole or not at all."""
    file = folder / "demo-summary.json"
    write_atomically(file, json.dumps(as_json(outcome), indent=2) + "\n")
    return file


def show(outcome: Outcome, console: Console) -> None:
    """Print the figures, the picture of the traffic, and what went wrong, if anything did."""
    console.print(_figures(outcome))
    pictures = shares_over_time(outcome.seen.answers)
    if pictures:
        console.print("\nWho answered, over time:")
    for revision, picture in pictures.items():
        console.print(f"  {revision:<14} {picture}", highlight=False, markup=False)
    for problem in outcome.problems:
        console.print(f"[red]not as it should be:[/red] {problem}", highlight=False)


def say_what_next(home: TiffinHome, service_url: str, console: Console) -> None:
    """Say what to open and what to type; the stack stays up."""
    passwords = home.path / "secrets" / "airflow-passwords.json"
    lines = (
        "\nThe stack stays up. Open:",
        f"  Airflow  {home.url('airflow')}  user admin, password in {passwords}",
        f"  MLflow   {home.url('mlflow')}",
        "Ask the model:",
        f"  head -1 {home.path}/demo/bodies.jsonl |"
        f" curl -si {service_url}/predict -H 'content-type: application/json' -d @-",
        "Type next:",
        "  tiffin status",
        "  tiffin history credit-risk",
        "  tiffin down",
    )
    for line in lines:
        console.print(line, highlight=False, markup=False, soft_wrap=True)


def _figures(outcome: Outcome) -> Table:
    table = Table("what", "measured", title="What the demo saw")
    for ended in outcome.releases:
        table.add_row(f"{ended.release} (version {ended.version})", ended.phase)
    table.add_row("webhook to promoted", _shown(outcome.seconds_webhook_to_promoted))
    table.add_row("bad canary to rolled back", _shown(outcome.seconds_bad_canary_to_rolled_back))
    table.add_row("alert to last bad answer", _shown(outcome.seconds_alert_to_last_bad_answer))
    table.add_row("requests sent", str(outcome.seen.requests_sent))
    table.add_row("requests failed", str(outcome.seen.requests_failed))
    table.add_row("the whole story", f"{outcome.seconds:.0f} s")
    return table


def _rounded(seconds: float) -> float | None:
    return None if math.isnan(seconds) else round(seconds, 3)


def _shown(seconds: float) -> str:
    return "never" if math.isnan(seconds) else f"{seconds:.2f} s"
