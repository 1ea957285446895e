"""The rollback of a Service, complete: traffic, record, tags, clean-up."""

from __future__ import annotations

from typing import Any

from airflow.sdk import BaseOperator

from tiffin_airflow.actor import actor_of
from tiffin_airflow.failing import airflow_failures
from tiffin_airflow.operators.release_operator import sentence_about


class RollBackModelOperator(BaseOperator):  # type: ignore[misc]
    """Rolls back the Service that the run's params name; the fast lane may have moved it already.

    The run's id is the rollback's: twice is once.

    Args:
        rollback_id: the rollback; the run's own by default.
    """

    template_fields = ("rollback_id",)

    def __init__(self, *, rollback_id: str = "{{ run_id }}", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rollback_id = rollback_id

    def execute(self, context: Any) -> None:
        """See `ensure_rolled_back`."""
        from tiffin.platform import embedded_platform
        from tiffin.release.steps.rolling_back import ensure_rolled_back

        params = context["params"]
        with airflow_failures():
            ended = ensure_rolled_back(
                embedded_platform(),
                params["service"],
                self.rollback_id,
                actor=actor_of(context["dag_run"]),
                reason=params["reason"],
                revision=params["revision"],
            )
        self.log.info(sentence_about(ended))
