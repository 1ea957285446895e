"""Roll back a service: the revision before gets all traffic, and the bad version is tagged."""

from datetime import timedelta

from airflow.sdk import DAG

from tiffin_airflow.forms import rollback_form
from tiffin_airflow.operators.roll_back_model import RollBackModelOperator

with DAG(
    "rollback_model",
    description="Gives a service's traffic back to the revision before.",
    doc_md=__doc__,
    params=rollback_form(),
    schedule=None,
    is_paused_upon_creation=False,
    max_active_runs=16,
    tags=["tiffin"],
    default_args={"retries": 20, "retry_delay": timedelta(seconds=2)},
):
    RollBackModelOperator(task_id="roll_back")
