"""The last task of a deploy, whatever happened: one consistent state, and a true run state."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException

from tiffin_airflow.actor import actor_of
from tiffin_airflow.failing import airflow_failures
from tiffin_airflow.operators.approval import ANSWERED, WAITING, state_of_task
from tiffin_airflow.operators.release_operator import sentence_about

if TYPE_CHECKING:
    from tiffin.platform import Platform

_CLOSED_WITHIN_S = 60.0


class SettleReleaseOperator(BaseOperator):  # type: ignore[misc]
    """Settles the Release, then fails unless it was Successful, so that the run tells the truth.

    Run twice, it changes nothing more.

    Args:
        approval_task_id: the task whose question is closed when the Release has ended.
        release_id: the Release; the run's own by default.
    """

    template_fields = ("release_id",)

    def __init__(
        self, *, approval_task_id: str, release_id: str = "{{ run_id }}", **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.approval_task_id = approval_task_id
        self.release_id = release_id

    def execute(self, context: Any) -> None:
        """Settle; close an open approval; say how it ended."""
        from tiffin.platform import embedded_platform
        from tiffin.release.phases import Phase
        from tiffin.release.steps.ending import ensure_settled

        with airflow_failures():
            platform = embedded_platform()
            release = ensure_settled(platform, self.release_id)
            self._close_approval(context)
            if release is None:
                withdraw_wish(platform, context)
        if release is None:
            raise AirflowFailException(
                f"there is no release {self.release_id}: it was refused when it asked; the log of "
                "open_release says why"
            )
        if release.phase is not Phase.SUCCESSFUL:
            raise AirflowFailException(sentence_about(release))
        self.log.info(sentence_about(release))

    def _close_approval(self, context: Any) -> None:
        """Reject what nobody needs to answer any more; the run would wait for it for hours."""
        from tiffin.errors import UnavailableError
        from tiffin.home import TiffinHome
        from tiffin.intake.airflow_api import AirflowApi

        run = context["dag_run"]
        deadline = time.monotonic() + _CLOSED_WITHIN_S
        while (state := state_of_task(context, self.approval_task_id)) not in ANSWERED:
            if time.monotonic() > deadline:
                raise UnavailableError(
                    f"the approval of {self.release_id} stays {state}; answer it in Airflow, under "
                    "Required Actions",
                    code="approval-open",
                )
            if state == WAITING:
                api = AirflowApi(TiffinHome.from_environment())
                api.reject(run.dag_id, run.run_id, self.approval_task_id)
            time.sleep(0.5)


def withdraw_wish(platform: Platform, context: Any) -> None:
    """Take the alias from a version that the registry wished for and that was refused."""
    from tiffin.intake.wishes import REGISTRY_ACTOR, withdraw

    params, version = context["params"], context["params"].get("version")
    if version and actor_of(context["dag_run"]) == REGISTRY_ACTOR:
        withdraw(platform, platform.catalog.service(params["service"]), version)
