"""Who asked for a run: the user who triggered it, and nobody else in their name."""

from __future__ import annotations

from typing import Any

from tiffin.errors import RefusedError
from tiffin.intake.runs import SERVICE_ACCOUNT

_NOBODY = "airflow"
"""The actor of a run that no user triggered."""


def actor_of(dag_run: Any) -> str:
    """Return who asked for a run.

    It is the user whom Airflow authenticated. Only the service account, which the webhooks, the
    schedule and the command line use, may name the one it acts for, as `actor` in the run's conf.
    """
    user = dag_run.triggering_user_name or _NOBODY
    named = (dag_run.conf or {}).get("actor")
    if not named or named == user:
        return str(user)
    if user != SERVICE_ACCOUNT:
        raise RefusedError(
            f"{user} triggered this run in the name of {named}; leave `actor` out of its conf",
            code="actor-forged",
        )
    return str(named)
