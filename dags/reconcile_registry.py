"""Every minute: what the registry wishes for is done, and what was lost on the way is settled."""

from datetime import datetime, timedelta

from airflow.sdk import DAG

from tiffin_airflow.operators.reconcile_registry import ReconcileRegistryOperator

with DAG(
    "reconcile_registry",
    description="Does what a lost webhook, task or run left undone.",
    doc_md=__doc__,
    schedule=timedelta(minutes=1),
    start_date=datetime(2026, 1, 1),
    catchup=False,
    is_paused_upon_creation=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(minutes=10),
    tags=["tiffin"],
):
    ReconcileRegistryOperator(task_id="reconcile")
