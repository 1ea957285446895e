"""Deploy a model version: from the registry to live traffic, or back when it must."""

from datetime import timedelta

from airflow.sdk import DAG, TriggerRule, chain

from tiffin_airflow.forms import deploy_form
from tiffin_airflow.operators.approval import ApproveReleaseOperator, GuardApprovalOperator
from tiffin_airflow.operators.open_release import OpenReleaseOperator
from tiffin_airflow.operators.settle_release import SettleReleaseOperator
from tiffin_airflow.operators.steps import (
    PackageModelOperator,
    PinImageOperator,
    PromoteCandidateOperator,
    RampTrafficOperator,
    SmokeTestOperator,
    StartCandidateOperator,
    ValidateModelOperator,
    WatchRevisionOperator,
)

with DAG(
    "deploy_model",
    description="Takes a model version from the MLflow registry to live traffic.",
    doc_md=__doc__,
    params=deploy_form(),
    schedule=None,
    is_paused_upon_creation=False,
    max_active_runs=16,
    tags=["tiffin"],
    default_args={
        "retries": 10,
        "retry_delay": timedelta(seconds=2),
        "retry_exponential_backoff": 2,
        "max_retry_delay": timedelta(seconds=60),
    },
):
    open_release = OpenReleaseOperator(task_id="open_release")
    validate = ValidateModelOperator(task_id="validate")
    package = PackageModelOperator(task_id="package")
    image = PinImageOperator(task_id="image")
    start = StartCandidateOperator(task_id="start")
    smoke = SmokeTestOperator(task_id="smoke")
    ramp = RampTrafficOperator(task_id="ramp")
    approve = ApproveReleaseOperator(task_id="approve")
    guard = GuardApprovalOperator(task_id="guard", approval_task_id="approve")
    promote = PromoteCandidateOperator(task_id="promote", trigger_rule=TriggerRule.NONE_FAILED)
    watch = WatchRevisionOperator(task_id="watch")
    settle = SettleReleaseOperator(
        task_id="settle", approval_task_id="approve", trigger_rule=TriggerRule.ALL_DONE
    )

    chain(open_release, validate, package, image, start, smoke, ramp)
    chain(ramp, [approve, guard], promote, watch, settle)
