"""What the operators of all steps share: the Release is the run's, and errors become Airflow's."""

from __future__ import annotations

import logging
from abc import abstractmethod
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowSkipException

from tiffin_airflow.failing import airflow_failures

if TYPE_CHECKING:
    from tiffin.platform import Platform
    from tiffin.release.release import Release


log = logging.getLogger(__name__)


class ReleaseOperator(BaseOperator):  # type: ignore[misc]
    """Takes one step of a Release. Killed, cleared or run twice, it converges as the step does.

    A Release that has ended meanwhile (it was live already, or somebody rolled it back) skips the
    step, and with it all that follow.

    Args:
        release_id: the Release; the run's own by default.
    """

    template_fields = ("release_id",)

    def __init__(self, *, release_id: str = "{{ run_id }}", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.release_id = release_id

    @abstractmethod
    def take_step(self, platform: Platform, context: Any) -> Release:
        """Call the one function that does it."""

    def execute(self, context: Any) -> None:
        """Take the step, unless the Release has ended."""
        from tiffin.platform import embedded_platform

        with airflow_failures():
            platform = embedded_platform()
            skip_if_ended(platform.records.release(self.release_id))
            release = self.take_step(platform, context)
        self.log.info(sentence_about(release))


def skip_if_ended(release: Release) -> None:
    """Skip the task when nothing is left to do for its Release."""
    if release.phase.is_end:
        skip(sentence_about(release))


def skip(why: str) -> NoReturn:
    """Skip the task, and all that need it; Airflow itself would not log why."""
    log.info(why)
    raise AirflowSkipException(why)


def sentence_about(release: Release) -> str:
    """Say where a Release is."""
    said = f"Release {release.id} of {release.service} version {release.version}: {release.phase}"
    return f"{said}, {release.reason}" if release.reason else said
