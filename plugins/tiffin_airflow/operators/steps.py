"""The steps that need nothing but their Release, in the order of the way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tiffin_airflow.links import ValidationReportLink
from tiffin_airflow.operators.release_operator import ReleaseOperator
from tiffin_airflow.quiet import without_chatter

if TYPE_CHECKING:
    from tiffin.platform import Platform
    from tiffin.release.release import Release


class ValidateModelOperator(ReleaseOperator):
    """Judges the model version; its report is linked from the task."""

    operator_extra_links = (ValidationReportLink(),)

    def take_step(self, platform: Platform, context: Any) -> Release:
        """See `ensure_validated`."""
        from tiffin.release.steps.preparing import ensure_validated

        with without_chatter():
            return ensure_validated(platform, self.release_id)


class PackageModelOperator(ReleaseOperator):
    """Builds the bento."""

    def take_step(self, platform: Platform, context: Any) -> Release:
        """See `ensure_packaged`."""
        from tiffin.release.steps.preparing import ensure_packaged

        return ensure_packaged(platform, self.release_id)


class PinImageOperator(ReleaseOperator):
    """Pins what will run by its digest; a dry run ends here, and what is live already."""

    def take_step(self, platform: Platform, context: Any) -> Release:
        """See `ensure_image`."""
        from tiffin.release.steps.preparing import ensure_image

        return ensure_image(platform, self.release_id)


class StartCandidateOperator(ReleaseOperator):
    """Starts the candidate beside stable, at no share of traffic."""

    def take_step(self, platform: Platform, context: Any) -> Release:
        """See `ensure_started`."""
        from tiffin.release.steps.starting import ensure_started

        return ensure_started(platform, self.release_id)


class SmokeTestOperator(ReleaseOperator):
    """Asks the candidate the golden questions."""

    def take_step(self, platform: Platform, context: Any) -> Release:
        """See `ensure_smoked`."""
        from tiffin.release.steps.starting import ensure_smoked

        return ensure_smoked(platform, self.release_id)


class RampTrafficOperator(ReleaseOperator):
    """Lets the candidate's share grow as the evidence does."""

    def take_step(self, platform: Platform, context: Any) -> Release:
        """See `ensure_ramped`."""
        from tiffin.release.steps.ramping import ensure_ramped

        return ensure_ramped(platform, self.release_id)


class PromoteCandidateOperator(ReleaseOperator):
    """Gives the candidate all traffic and the champion alias."""

    def take_step(self, platform: Platform, context: Any) -> Release:
        """See `ensure_promoted`."""
        from tiffin.release.steps.promoting import ensure_promoted

        return ensure_promoted(platform, self.release_id)


class WatchRevisionOperator(ReleaseOperator):
    """Judges the promoted Revision for a while longer; then the Release is Successful."""

    def take_step(self, platform: Platform, context: Any) -> Release:
        """See `ensure_watched`."""
        from tiffin.release.steps.promoting import ensure_watched

        return ensure_watched(platform, self.release_id)
