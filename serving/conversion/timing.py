"""How long one row takes, for the report; no part of a bento, since it differs each time."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from typing import Any

from serving.runtime.engines.engine import Engine
from serving.runtime.rows import Rows

_MOST_CALLS = 300
_MOST_SECONDS = 0.5


def microseconds_of_one_row(engine: Engine, cells: Sequence[list[Any]]) -> float | None:
    """Return the median over calls with one row each; None where the engine refuses them all."""
    taken, calls = [], 0
    deadline = time.monotonic() + _MOST_SECONDS
    while calls < _MOST_CALLS and time.monotonic() < deadline:
        rows = Rows(cells=[cells[calls % len(cells)]])
        taken.append(_nanoseconds(engine, rows))
        calls += 1
    answered = [each for each in taken if each is not None]
    return round(statistics.median(answered) / 1000, 1) if answered else None


def _nanoseconds(engine: Engine, rows: Rows) -> int | None:
    began = time.perf_counter_ns()
    try:
        engine.outputs(rows)
    except Exception:  # noqa: BLE001 (a model is anybody's code, and this row it may refuse)
        return None
    return time.perf_counter_ns() - began
