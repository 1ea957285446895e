"""Draws latency over throughput, from what a search for saturation found.

python -m serving.loadtest.curve steps.json --out curve.svg
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from serving.loadtest.stairs import Step, steps_of

_P50, _P99, _MARK = "#64748b", "#c2410c", "#0f172a"


def draw(steps: Sequence[Step], saturation: float | None, title: str, file: Path) -> None:
    """Write the picture; the file's suffix says whether it is a PNG, an SVG or a PDF."""
    from matplotlib.figure import Figure

    ordered = sorted(steps, key=lambda step: step.offered)
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    panel = figure.add_subplot()
    answered = [step.answered for step in ordered]
    panel.plot(answered, [step.p99_ms for step in ordered], "o-", color=_P99, label="p99")
    panel.plot(answered, [step.p50_ms for step in ordered], "o-", color=_P50, label="p50")
    if saturation is not None:
        panel.axvline(saturation, color=_MARK, linestyle=":", label="saturation")
    panel.set_yscale("log")
    for ticks in (panel.yaxis.set_major_formatter, panel.yaxis.set_minor_formatter):
        ticks("{x:g}")
    panel.set_xlim(left=0)
    panel.set_xlabel("good answers per second")
    panel.set_ylabel("latency in milliseconds")
    panel.set_title(title, fontsize=9, loc="left", wrap=True)
    panel.spines[["top", "right"]].set_visible(False)
    panel.grid(visible=True, which="major", alpha=0.3)
    panel.legend(frameon=False)
    figure.savefig(file)


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw what a steps file holds."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("steps", type=Path, help="what locustfile.py wrote to --steps-file")
    parser.add_argument("--out", type=Path, default=Path("curve.svg"))
    asked = parser.parse_args(arguments)
    found = json.loads(asked.steps.read_text())
    best = found["saturation"]
    draw(steps_of(found), best and best["answered"], found["verdict"], asked.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
