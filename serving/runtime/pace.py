"""How long a call of the model takes: measured once at loading, and corrected by every call.

Admission, the size of batches and the choice between event loop and thread all ask this. Its
shape, a fixed cost and a cost per row, is measured while nobody waits; afterwards only one factor
follows the machine. A single call never moves it far, since on a shared machine a call that was
interrupted looks a hundred times slower than it is.
"""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter

from serving.runtime.engines.engine import Engine
from serving.runtime.rows import Rows, joined

_QUICK_ROW_S = 0.0002
"""A model that takes longer for one row gains more from batches than from the event loop."""
_QUICK_S = 0.001
"""The longest call that may keep the event loop from everything else."""
_WEIGHT = 0.2
"""How far one call moves the factor towards what it showed."""
_MOST_SHOWN = 2.0
"""What one call can show at most, times what was expected."""
_LEAST_SHARE = 0.001
"""What a row adds to a call at least, of a call with one row: less can't be told from noise."""
_SHORTEST_S = 1e-8
_MANY_ROWS = 32
_TRIES = 200
_TRIES_S = 0.25


class Pace:
    """Estimates the seconds of a call from its rows."""

    def __init__(self, call_s: float, row_s: float) -> None:
        self._call_s = max(call_s, _SHORTEST_S)
        self._row_s = max(row_s, _SHORTEST_S)
        self._factor = 1.0
        self.quick_rows = self._quick_rows()
        """With so many rows a call may be made on the event loop; never changes."""

    def seconds(self, rows: int, calls: int = 1) -> float:
        """Return how long so many calls take that have so many rows together."""
        return self._factor * (calls * self._call_s + rows * self._row_s)

    def rows_within(self, seconds: float) -> int:
        """Return how many more rows make a call this much longer."""
        return int(seconds / (self._factor * self._row_s))

    def observe(self, rows: int, seconds: float) -> None:
        """Learn from one call."""
        shown = seconds / (self._factor * (self._call_s + rows * self._row_s))
        self._factor *= 1 + _WEIGHT * (min(shown, _MOST_SHOWN) - 1)

    def _quick_rows(self) -> int:
        if self.seconds(1) > _QUICK_ROW_S:
            return 0
        return int((_QUICK_S - self._call_s) / self._row_s)


UNKNOWN_PACE = (0.01, 0.0001)
"""For a model that can't be measured, before its first caller comes: in a thread, then."""


def measured_pace(engine: Engine, row: Rows) -> Pace:
    """Measure one row, and many at once; whatever the model raises passes through.

    The least of many tries is taken: the rest of the machine can only make a call slower.
    """
    rows = joined([row] * _MANY_ROWS)
    one, many = _least_seconds(lambda: engine.outputs(row), lambda: engine.outputs(rows))
    row_s = max((many - one) / (_MANY_ROWS - 1), one * _LEAST_SHARE)
    return Pace(one - row_s, row_s)


def _least_seconds(*calls: Callable[[], object]) -> list[float]:
    """Time the calls in turns, as often as that fits into the time for it, but at least once."""
    ends, least = perf_counter() + _TRIES_S, [float("inf")] * len(calls)
    for call in calls:
        call()  # the first time is slower
    for _ in range(_TRIES):
        for index, call in enumerate(calls):
            least[index] = min(least[index], _seconds(call))
        if perf_counter() > ends:
            break
    return least


def _seconds(call: Callable[[], object]) -> float:
    started = perf_counter()
    call()
    return perf_counter() - started
