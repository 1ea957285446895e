"""Draws a soak: what the server held, and how fast it answered, over time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from serving.loadtest.steadiness import Interval, Sample

_DARK, _MILD = "#c2410c", "#64748b"


def draw(samples: Sequence[Sample], intervals: Sequence[Interval], file: Path) -> None:
    """Write the picture; the file's suffix says of which kind."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 6.5), layout="constrained")
    memory, held, latency = figure.subplots(3, sharex=True)
    minutes = [sample.at_s / 60 for sample in samples]
    memory.plot(minutes, [s.holdings.memory_mb for s in samples], color=_DARK)
    memory.set_ylabel("memory, MB")
    held.plot(minutes, [s.holdings.files for s in samples], color=_DARK, label="files")
    held.plot(minutes, [s.holdings.threads for s in samples], color=_MILD, label="threads")
    ends = [interval.at_s / 60 for interval in intervals]
    latency.plot(ends, [i.p99_ms for i in intervals], "o-", color=_DARK, label="p99")
    latency.plot(ends, [i.p50_ms for i in intervals], "o-", color=_MILD, label="p50")
    latency.set_ylabel("latency, ms")
    latency.set_xlabel("minutes")
    for panel in (held, latency):
        panel.legend(frameon=False)
    for panel in (memory, held, latency):
        _clean(panel)
    figure.savefig(file)


def _clean(panel: Any) -> None:
    panel.set_ylim(bottom=0)
    panel.spines[["top", "right"]].set_visible(False)
    panel.grid(visible=True, alpha=0.3)
