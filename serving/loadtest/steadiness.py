"""Judges a soak: whether a server under a steady load still is at the end what it was before.

A trend is the median of the slopes between all pairs of samples (Theil and Sen), which a few odd
samples can't move. It counts only when its whole 95 % interval is above nothing, and what it adds
up to over the soak is more than is allowed: samples that follow each other are alike, so the
interval alone would see trends in a short soak where there is but a step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from serving.loadtest.process_tree import Holdings


@dataclass(frozen=True, slots=True)
class Sample:
    """What the server held, so many seconds after the start."""

    at_s: float
    holdings: Holdings


@dataclass(frozen=True, slots=True)
class Interval:
    """What a part of the soak brought, usually a minute."""

    at_s: float
    """When it ended, after the start."""
    answered: int
    wrong: int
    """Requests with another status than the right one, or without an answer."""
    p50_ms: float
    p99_ms: float


@dataclass(frozen=True, slots=True)
class Bounds:
    """What is still steady."""

    warm_up_share: float = 0.2
    """So much of the soak is not judged."""
    memory_mb_per_hour: float = 5.0
    memory_mb: float = 2.0
    """What a short soak may gain all the same: allocators grow in steps."""
    files: float = 10.0
    threads: float = 3.0
    p99_growth: float = 0.5
    """How much slower than at first, as a share of that."""
    p99_ms: float = 2.0
    """And by at least so much."""


@dataclass(frozen=True, slots=True)
class Trend:
    """A slope per hour, and what it surely is at least."""

    per_hour: float
    least_per_hour: float
    hours: float

    @property
    def gained(self) -> float:
        """What it adds up to; nothing where it may as well be flat or falling."""
        return self.per_hour * self.hours if self.least_per_hour > 0 else 0.0


def trend_of(at_s: Sequence[float], values: Sequence[float]) -> Trend:
    """Return the trend of values over time; flat where there are too few to tell."""
    from scipy.stats import theilslopes  # type: ignore[import-untyped]

    if len(values) < 3:
        return Trend(0.0, 0.0, 0.0)
    found = theilslopes(values, [at / 3600 for at in at_s])
    return Trend(float(found.slope), float(found.low_slope), (at_s[-1] - at_s[0]) / 3600)


def complaints(
    samples: Sequence[Sample], intervals: Sequence[Interval], bounds: Bounds
) -> list[str]:
    """Return a sentence for everything that was not steady; none for a good soak."""
    warm_s = bounds.warm_up_share * max((sample.at_s for sample in samples), default=0.0)
    judged = [sample for sample in samples if sample.at_s >= warm_s]
    warm = [interval for interval in intervals if interval.at_s > warm_s]
    return [
        *_wrong(intervals),
        *_growth(judged, bounds),
        *_slower(warm, bounds),
    ]


def _wrong(intervals: Sequence[Interval]) -> list[str]:
    wrong, answered = (sum(getattr(i, name) for i in intervals) for name in ("wrong", "answered"))
    if not answered:
        return ["nothing was answered"]
    return [f"{wrong:,} of {wrong + answered:,} requests went wrong"] if wrong else []


def _growth(samples: Sequence[Sample], bounds: Bounds) -> list[str]:
    at_s = [sample.at_s for sample in samples]
    found = []
    for name, unit in (
        ("memory_mb", " MB of memory"),
        ("files", " files"),
        ("threads", " threads"),
    ):
        trend = trend_of(at_s, [float(getattr(sample.holdings, name)) for sample in samples])
        allowed: float = getattr(bounds, name)
        if name == "memory_mb":
            allowed = max(allowed, bounds.memory_mb_per_hour * trend.hours)
        if trend.gained > allowed:
            found.append(f"grows by {trend.per_hour:,.1f}{unit} an hour")
    return found


def _slower(intervals: Sequence[Interval], bounds: Bounds) -> list[str]:
    third = len(intervals) // 3
    if not third:
        return []
    before = median(interval.p99_ms for interval in intervals[:third])
    after = median(interval.p99_ms for interval in intervals[-third:])
    trend = trend_of([i.at_s for i in intervals], [i.p99_ms for i in intervals])
    is_slower = after - before > max(bounds.p99_ms, bounds.p99_growth * before)
    if is_slower and trend.least_per_hour > 0:
        return [f"p99 drifts from {before:.1f} to {after:.1f} ms"]
    return []
