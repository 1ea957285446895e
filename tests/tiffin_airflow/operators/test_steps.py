from __future__ import annotations

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from tiffin.release.phases import Phase
from tiffin_airflow.operators.steps import PromoteCandidateOperator, WatchRevisionOperator


def test_takes_the_step_of_the_runs_release(platform_in_use, context_of, ready_to_ramp):
    release = ready_to_ramp("2")
    platform_in_use.records.move(release.id, Phase.RAMPING)
    operator = PromoteCandidateOperator(task_id="promote", release_id=release.id)
    operator.execute(context_of(release.id))
    operator.execute(context_of(release.id))
    assert platform_in_use.records.release(release.id).phase is Phase.PROMOTING


def test_a_release_that_has_ended_skips_what_is_left(platform_in_use, context_of, ready_to_ramp):
    release = ready_to_ramp("2")
    platform_in_use.records.move(release.id, Phase.ABORTED, reason="aborted by admin")
    with pytest.raises(AirflowSkipException, match="aborted by admin"):
        WatchRevisionOperator(task_id="watch", release_id=release.id).execute(context_of("x"))


def test_a_release_that_nobody_opened_fails_for_good(platform_in_use, context_of):
    with pytest.raises(AirflowFailException, match="unknown-release"):
        PromoteCandidateOperator(task_id="promote", release_id="x").execute(context_of("x"))


def test_the_release_is_the_runs_own_by_default():
    operator = PromoteCandidateOperator(task_id="promote")
    assert operator.release_id == "{{ run_id }}"
    assert "release_id" in operator.template_fields
