from __future__ import annotations

import pytest
from airflow.sdk.exceptions import AirflowFailException

from tiffin.release.phases import Phase
from tiffin.release.steps.promoting import ensure_promoted
from tiffin_airflow.operators.roll_back_model import RollBackModelOperator

ASKED = {"service": "iris", "revision": None, "reason": "it errs", "actor": "alertmanager"}


def test_rolls_back_once_however_often_it_runs(platform_in_use, context_of, ready_to_ramp):
    release = ready_to_ramp("2")
    platform_in_use.records.move(release.id, Phase.RAMPING)
    ensure_promoted(platform_in_use, release.id)
    operator = RollBackModelOperator(task_id="roll_back", rollback_id="alert-1")
    for _ in range(2):
        operator.execute(context_of("alert-1", user="svc", **ASKED))
    assert platform_in_use.router.read("iris").split.fallback == "v1-01abcdef"
    assert platform_in_use.records.release("alert-1").actor == "alertmanager"


def test_nothing_to_go_back_to_fails_for_good(platform_in_use, context_of):
    operator = RollBackModelOperator(task_id="roll_back", rollback_id="alert-1")
    with pytest.raises(AirflowFailException, match="nothing-to-roll-back-to"):
        operator.execute(context_of("alert-1", user="svc", **ASKED))
