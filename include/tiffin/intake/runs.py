"""The port to Airflow's runs; every implementation passes tests/contracts/runs.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

DEPLOY_DAG = "deploy_model"
ROLLBACK_DAG = "rollback_model"
SERVICE_ACCOUNT = "svc"
"""The Airflow user that Tiffin itself logs in as; it alone may name somebody else as the actor."""

_UNDER_WAY = frozenset({"queued", "running"})


class Runs(Protocol):
    """Starts DAG runs and looks at them. Raises UnavailableError when Airflow does not answer."""

    def trigger(self, dag_id: str, run_id: str, conf: Mapping[str, Any]) -> bool:
        """Start a run; False when a run with this id exists already, which is no error."""

    def run_state(self, dag_id: str, run_id: str) -> str | None:
        """Return Airflow's word for the run's state, or None when there is no such run."""


def is_under_way(state: str | None) -> bool:
    """True while Airflow still works on a run in this state."""
    return state in _UNDER_WAY
