"""The next share of traffic, from the policy of the service file and the evidence so far. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from tiffin.analysis.harm import Undecidable
from tiffin.analysis.verdict import Analysis
from tiffin.analysis.verdict import next_share as affordable_share
from tiffin.services.spec import Rollout
from tiffin.traffic.split import WHOLE


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a ramp has come.

    `requests_per_look` is the largest number of requests of both Revisions seen between two
    recent looks, or None before the first. `looks_at_share` counts looks with traffic at the
    present share.
    """

    analysis: Analysis
    share: int
    looks_at_share: int
    requests_per_look: int | None


def next_share(rollout: Rollout, progress: Progress) -> int | Undecidable:
    """Return the candidate's next share in basis points.

    `steps`: the next weight after enough looks at this one. `adaptive`: what the harm budget
    allows (see `tiffin.analysis.harm`), 0 until the traffic is known.
    """
    if rollout.strategy == "steps":
        return _next_step(rollout, progress)
    if not progress.requests_per_look:
        return progress.share
    share = affordable_share(progress.analysis, progress.requests_per_look)
    return share if isinstance(share, Undecidable) else share.basis_points


def steps_are_done(rollout: Rollout, progress: Progress) -> bool:
    """True when every weight of the `steps` strategy has had its looks."""
    if rollout.strategy != "steps":
        return True
    last = _basis_points(rollout.weights[-1])
    return progress.share == last and progress.looks_at_share >= rollout.step_looks


def _next_step(rollout: Rollout, progress: Progress) -> int:
    weights = [_basis_points(weight) for weight in rollout.weights]
    if progress.share not in weights:
        return weights[0]
    if progress.looks_at_share < rollout.step_looks:
        return progress.share
    following = weights.index(progress.share) + 1
    return weights[min(following, len(weights) - 1)]


def _basis_points(share: float) -> int:
    return max(1, round(share * WHOLE))
