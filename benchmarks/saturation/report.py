"""The tables of what was measured: loads, shares of the peak, fairness, recovery."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median
from typing import Any

from benchmarks.saturation.lane import Measured, Recovered, Shared

AIM = 0.9
"""Of the peak, at twice the load."""
TIMES = (1.0, 1.5, 2.0)
"""How many times the peak is asked for."""


def tables(found: Sequence[Any]) -> Iterator[str]:
    """Return the lines of all tables."""
    yield from (*_loads(found), *_kept(found), *_others(found))


def _groups(found: Sequence[Any], kind: type, *keys: str) -> dict[tuple[Any, ...], list[Any]]:
    groups: dict[tuple[Any, ...], list[Any]] = {}
    for each in found:
        if isinstance(each, kind):
            groups.setdefault(tuple(getattr(each, key) for key in keys), []).append(each)
    return groups


def _loads(found: Sequence[Any]) -> Iterator[str]:
    """Return a line for each load, the median of its rounds."""
    names = ("asked", "good", "good_per_cpu_s", "shed", "late", "wrong", "unsent")
    more = ("p50_ms", "p99_ms", "generator_share")
    titles = ("asked/s", "good/s", "/server CPU s", "shed/s", "late/s", "wrong/s", "unsent/s")
    yield ""
    head = " ".join(f"{t:>13}" for t in (*titles, "p50 ms", "p99 ms", "generator"))
    yield f"{'rows':>5} {'server':<15} {'load':<7}{head}"
    for (rows, server, times), each in _groups(found, Measured, "rows", "server", "times").items():
        cells = [f"{median(getattr(m, name) for m in each):13,.0f}" for name in names]
        cells += [f"{median(getattr(m, name) for m in each):13.2f}" for name in more]
        load = f"{times:g}x" if times else "closed"
        yield f"{rows:>5} {server:<15} {load:<7}{' '.join(cells)}"


def _kept(found: Sequence[Any]) -> Iterator[str]:
    """Return what share of the peak is still answered, in time and per CPU second."""
    yield ""
    for (rows, server), each in _groups(found, Measured, "rows", "server").items():
        parts = []
        for times in TIMES[1:]:
            wall, cpu = (
                median(_share_of_peak(each, times, name)) for name in ("good", "good_per_cpu_s")
            )
            parts.append(f"{times:g}x {wall:.0%} (per CPU second {cpu:.0%})")
        yield f"{rows} rows, {server}: of the peak, at {', at '.join(parts)}; aim {AIM:.0%}"


def _share_of_peak(measured: Sequence[Measured], times: float, name: str) -> list[float]:
    """Return one share for each round: rounds follow each other, so each has its own peak."""
    size = 1 + len(TIMES)
    rounds = [measured[start : start + size] for start in range(0, len(measured), size)]
    return [
        next(getattr(m, name) for m in each if m.times == times)
        / max(getattr(m, name) for m in each)
        for each in rounds
    ]


def _others(found: Sequence[Any]) -> Iterator[str]:
    yield ""
    for (rows, server), each in _groups(found, Shared, "rows", "server").items():
        greedy, modest, p99 = (
            median(getattr(shared, name) for shared in each)
            for name in ("greedy", "modest", "modest_p99_ms")
        )
        yield (
            f"{rows} rows, {server}: of a greedy client's requests {greedy:.0%} are good, "
            f"of a modest one's {modest:.0%} (p99 {p99:,.0f} ms)"
        )
    for (rows, server), each in _groups(found, Recovered, "rows", "server").items():
        seconds = median(recovered.seconds for recovered in each)
        yield f"{rows} rows, {server}: well again {seconds:.1f} s after the overload ended"
