"""Decides how a search for a service's saturation goes on: the next rate, and when it is over.

The rate doubles until a step is too much, then the search looks once more at the rates between the
last that was fine and the first that was not. What is too much is said by `Limits`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from serving.loadtest.tally import Tally


@dataclass(frozen=True, slots=True)
class Limits:
    """Past any of these a service counts as saturated."""

    p99_ms: float = 100.0
    refused_share: float = 0.01
    """Of all requests, shed or failed."""
    answered_share: float = 0.9
    """Of what was offered; less means that throughput no longer follows the load."""
    generator_share: float = 0.9
    """Of a core: then it is the load generator that is saturated."""


@dataclass(frozen=True, slots=True)
class Stairs:
    """Where the search begins and ends, in requests per second."""

    start_rate: float = 100.0
    most_rate: float = 20_000.0
    between: int = 4
    """How many rates to look at between the last good step and the first bad one."""


@dataclass(frozen=True, slots=True)
class Step:
    """What one rate led to."""

    offered: float
    answered: float
    """Good answers per second."""
    shed_share: float
    failed_share: float
    p50_ms: float
    p99_ms: float
    generator_share: float
    seconds: float
    """How long it was measured."""

    @classmethod
    def of(cls, offered: float, tally: Tally, seconds: float) -> Step:
        """Sum up what was counted in so many seconds."""
        requests = max(tally.requests, 1)
        return cls(
            offered=offered,
            answered=tally.good / seconds,
            shed_share=tally.shed / requests,
            failed_share=(tally.requests - tally.good - tally.shed) / requests,
            p50_ms=tally.latency_ms(0.5),
            p99_ms=tally.latency_ms(0.99),
            generator_share=tally.generator_share,
            seconds=seconds,
        )

    @property
    def chance(self) -> float:
        """How many answers per second fewer may be chance: requests come at random times."""
        return 3 * math.sqrt(self.offered / self.seconds)


def too_much(step: Step, limits: Limits) -> str:
    """Say why a step is past saturation; nothing when it is not."""
    at = f"at {step.offered:,.0f} requests/s"
    if step.generator_share > limits.generator_share:
        return f"{at} the load generator needs its whole core: the service may well do more"
    if step.failed_share > limits.refused_share:
        return f"{at} {step.failed_share:.1%} of the requests fail"
    if step.shed_share > limits.refused_share:
        return f"{at} the service sheds {step.shed_share:.1%} of the requests"
    if step.answered < limits.answered_share * step.offered - step.chance:
        return f"{at} only {step.answered:,.0f} are answered: throughput no longer follows"
    if step.p99_ms > limits.p99_ms:
        return f"{at} the p99 of {step.p99_ms:,.0f} ms is over {limits.p99_ms:,.0f} ms"
    return ""


def next_rate(steps: Sequence[Step], stairs: Stairs, limits: Limits) -> float | None:
    """Return the rate to offer next; None when the search is over."""
    if not steps:
        return stairs.start_rate
    first_bad = next((at for at, step in enumerate(steps) if too_much(step, limits)), None)
    if first_bad is None:
        return _higher(steps[-1].offered, stairs)
    looked_at = steps[first_bad + 1 :]
    is_over = len(looked_at) == stairs.between or any(too_much(s, limits) for s in looked_at)
    if first_bad == 0 or is_over:
        return None
    good, bad = steps[first_bad - 1].offered, steps[first_bad].offered
    return good + (bad - good) * (len(looked_at) + 1) / (stairs.between + 1)


def _higher(rate: float, stairs: Stairs) -> float | None:
    return min(2 * rate, stairs.most_rate) if rate < stairs.most_rate else None


def saturation(steps: Sequence[Step], limits: Limits) -> Step | None:
    """Return the step with the most answers that kept all limits; None when none did."""
    fine = [step for step in steps if not too_much(step, limits)]
    return max(fine, key=lambda step: step.answered, default=None)


def verdict(steps: Sequence[Step], limits: Limits) -> str:
    """Say in one or two sentences where the service saturates and how that shows."""
    best = saturation(steps, limits)
    reasons = [reason for step in steps if (reason := too_much(step, limits))]
    if best is None:
        why = reasons[0] if reasons else "no step was measured"
        return f"There is no rate that the service keeps up with: {why}."
    found = f"{best.answered:,.0f} requests/s, p50 {best.p50_ms:.2f} ms, p99 {best.p99_ms:.2f} ms"
    if not reasons:
        return f"Not saturated at the highest rate that was asked for: {found}."
    return f"Saturation: {found}. Past it, {reasons[-1]}."


def document(url: str, steps: Sequence[Step], limits: Limits) -> dict[str, Any]:
    """Return all of a search as JSON can hold it; no saturation where it was not reached."""
    reached = any(too_much(step, limits) for step in steps)
    best = saturation(steps, limits) if reached else None
    return {
        "url": url,
        "steps": [asdict(step) for step in steps],
        "saturation": asdict(best) if best else None,
        "verdict": verdict(steps, limits),
    }


def steps_of(document: Mapping[str, Any]) -> list[Step]:
    """Read back the steps of a document."""
    return [Step(**step) for step in document["steps"]]
