"""Are the metrics good enough, by themselves and beside the champion's? Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping

from tiffin.services.spec import MetricGate
from tiffin.validation.check import CheckResult, MetricReading, failed, passed

NAME = "metrics"


def read_gate(
    gate: MetricGate, metrics: Mapping[str, float], champion: Mapping[str, float] | None
) -> MetricReading:
    """Hold one metric against its gate; a metric that is missing or no number does not pass."""
    value = metrics.get(gate.name)
    beside = (champion or {}).get(gate.name)
    limit = _limit(gate, beside)
    return MetricReading(
        name=gate.name,
        value=value,
        floor=gate.floor,
        champion=beside,
        limit=limit,
        smaller_is_better=gate.smaller_is_better,
        passed=_is_within(value, limit, smaller_is_better=gate.smaller_is_better),
    )


def check_metrics(readings: tuple[MetricReading, ...]) -> CheckResult:
    """Return passed when every reading did."""
    details = tuple(_sentence(reading) for reading in readings)
    wrong = [reading for reading in readings if not reading.passed]
    if wrong:
        return failed(NAME, "; ".join(_sentence(reading) for reading in wrong), details)
    if not readings:
        return passed(NAME, "the service asks for no metric")
    return passed(NAME, f"all {len(readings)} metrics are good enough", details)


def _limit(gate: MetricGate, champion: float | None) -> float | None:
    limits = [] if gate.floor is None else [gate.floor]
    if gate.slack is not None and champion is not None and math.isfinite(champion):
        worse = gate.slack if gate.smaller_is_better else -gate.slack
        limits.append(champion + worse)
    if not limits:
        return None
    return min(limits) if gate.smaller_is_better else max(limits)


def _is_within(value: float | None, limit: float | None, *, smaller_is_better: bool) -> bool:
    if value is None or not math.isfinite(value):
        return False
    if limit is None:
        return True
    return value <= limit if smaller_is_better else value >= limit


def _sentence(reading: MetricReading) -> str:
    if reading.value is None:
        return f"the metric {reading.name} is missing; log it in the run that trains the model"
    said = f"{reading.name} is {reading.value:.6g}"
    if reading.limit is None:
        return said
    word = "at most" if reading.smaller_is_better else "at least"
    beside = "" if reading.champion is None else f" (the champion's is {reading.champion:.6g})"
    return f"{said} and must be {word} {reading.limit:.6g}{beside}"
