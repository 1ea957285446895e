"""What a Service's owner promised and allows, as the analysis needs it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from tiffin.analysis.blocks import Line

if TYPE_CHECKING:
    from tiffin.services.spec import Service


@dataclass(frozen=True, slots=True)
class AnalysisPolicy:
    """The errors Objective and the limits of the ramp; the words are those of the service file.

    alpha: the probability of a wrong verdict, for each of the questions asked.
    tolerance: rolled back when surely above stable's rate plus this.
    margin: promoted when surely below stable's rate plus this.
    ceiling: after promotion, rolled back when surely above this.
    harm_budget: extra bad requests that a bad candidate may cost, expected.
    max_share: the candidate's largest share before promotion.
    is_sticky: callers stay on one Revision, so a few busy ones bend the split: no fault of the
        router's, and the sample ratio is not judged.
    """

    alpha: float = 0.05
    tolerance: float = 0.0
    margin: float = 0.01
    ceiling: float = 0.05
    harm_budget: float = 40.0
    max_share: float = 0.5
    is_sticky: bool = False

    @classmethod
    def from_service(cls, service: Service) -> AnalysisPolicy:
        """Read the policy from a service file's `objective` and `rollout`."""
        objective, rollout = service.objective, service.rollout
        return cls(
            alpha=rollout.alpha,
            tolerance=objective.tolerance,
            margin=objective.margin,
            ceiling=objective.ceiling,
            harm_budget=rollout.harm_budget,
            max_share=rollout.max_share,
            is_sticky=service.sticky_header is not None,
        )

    @property
    def rollback_line(self) -> Line:
        """Surely above it: roll back."""
        return Line(1, self.tolerance)

    @property
    def promote_line(self) -> Line:
        """Surely below it: promote."""
        return Line(1, self.margin)

    @property
    def watch_line(self) -> Line:
        """Surely above it after promotion: roll back. Stable, which is gone, plays no part."""
        return Line(0, self.ceiling)

    def to_dict(self) -> dict[str, Any]:
        """Return the policy as JSON values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> AnalysisPolicy:
        """Return the policy that `to_dict` described."""
        return cls(**state)
