"""Starts runs from inside the API server, in its own process: what the webhooks use.

`airflow.api.common.trigger_dag` is no public interface of Airflow, so it is called here only. A
request to the server's own REST API would time out just when it is needed, under load.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tiffin.errors import RefusedError, UnavailableError
from tiffin.intake.runs import SERVICE_ACCOUNT


class InProcessRuns:
    """Implements `tiffin.intake.runs.Runs` on Airflow's own database session."""

    def trigger(self, dag_id: str, run_id: str, conf: Mapping[str, Any]) -> bool:
        """Start a run as the service account; False when it exists. Twice is once."""
        from airflow.api.common.trigger_dag import trigger_dag
        from airflow.exceptions import DagRunAlreadyExists
        from airflow.utils.types import DagRunTriggeredByType
        from sqlalchemy.exc import IntegrityError

        try:
            with _airflow_answers():
                trigger_dag(
                    dag_id,
                    run_id=run_id,
                    conf=dict(conf),
                    triggered_by=DagRunTriggeredByType.REST_API,
                    triggering_user_name=SERVICE_ACCOUNT,
                )
        except (DagRunAlreadyExists, IntegrityError):
            return False
        return True

    def run_state(self, dag_id: str, run_id: str) -> str | None:
        """Return the run's state, or None."""
        from airflow.models.dagrun import DagRun

        with _airflow_answers():
            found = DagRun.find(dag_id=dag_id, run_id=run_id)
        return str(found[0].state) if found else None


@contextmanager
def _airflow_answers() -> Iterator[None]:
    from airflow.exceptions import DagNotFound
    from airflow.sdk.exceptions import ParamValidationError
    from sqlalchemy.exc import IntegrityError, SQLAlchemyError

    try:
        yield
    except DagNotFound as error:
        raise UnavailableError(
            f"{error}; Airflow has not read it yet, or can't: see `airflow dags "
            "list-import-errors`",
            code="dag-not-loaded",
        ) from error
    except ParamValidationError as error:
        raise RefusedError(
            f"Airflow refused the run's params: {str(error).splitlines()[0]}",
            code="airflow-refused",
        ) from error
    except IntegrityError:
        raise
    except SQLAlchemyError as error:
        raise UnavailableError(
            f"Airflow's database did not answer: {str(error).splitlines()[0]}",
            code="airflow-unavailable",
        ) from error
