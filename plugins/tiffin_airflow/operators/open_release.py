"""Ask for a Release and wait for its turn, without holding a worker meanwhile."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseSensorOperator

from tiffin_airflow.actor import actor_of
from tiffin_airflow.failing import airflow_failures
from tiffin_airflow.operators.release_operator import sentence_about

if TYPE_CHECKING:
    from tiffin.platform import Platform
    from tiffin.release.release import Release, ReleaseRequest


class OpenReleaseOperator(BaseSensorOperator):  # type: ignore[misc]
    """Records the Release that the run's params ask for, once its Service is free.

    Asks again every few seconds while another Release is in progress, if the request says wait.
    Run twice, it finds its own Release.
    """

    template_fields = ("release_id",)

    def __init__(self, *, release_id: str = "{{ run_id }}", **kwargs: Any) -> None:
        waiting = {
            "mode": "reschedule",
            "poke_interval": timedelta(seconds=5),
            "timeout": timedelta(days=7),
        }
        super().__init__(**waiting | kwargs)
        self.release_id = release_id

    def poke(self, context: Any) -> bool:
        """Try to open the Release; False while another one is in progress."""
        from tiffin.intake.asking import request_from
        from tiffin.platform import embedded_platform

        with airflow_failures():
            request = request_from(context["params"], actor_of(context["dag_run"]))
            found = self._try(embedded_platform(), request)
        if isinstance(found, str):
            self.log.info("Waiting: release %s of %s is in progress", found, request.service)
            return False
        self.log.info(sentence_about(found))
        return True

    def _try(self, platform: Platform, request: ReleaseRequest) -> Release | str:
        """Try; what refuses a Release that was recorded already is written to its ledger."""
        from tiffin.errors import FencedError, RefusedError
        from tiffin.release.phases import Phase
        from tiffin.release.steps.opening import try_open_release
        from tiffin.release.steps.step import record_error

        try:
            return try_open_release(platform, request, self.release_id)
        except (FencedError, RefusedError) as error:
            with suppress(RefusedError):
                record_error(platform, self.release_id, Phase.PENDING, error)
            raise
