from __future__ import annotations

import pytest
from airflow.sdk.exceptions import AirflowFailException

from tiffin.registry.model_version import CHALLENGER
from tiffin.release.phases import Phase
from tiffin_airflow.operators.settle_release import SettleReleaseOperator

DONE = {"approve": "skipped"}


def settling(release_id: str) -> SettleReleaseOperator:
    return SettleReleaseOperator(
        task_id="settle", approval_task_id="approve", release_id=release_id
    )


def test_the_run_of_a_release_that_did_not_succeed_fails(
    platform_in_use, context_of, ready_to_ramp
):
    release = ready_to_ramp("2")
    for _ in range(2):
        with pytest.raises(AirflowFailException, match="the task that ran it"):
            settling(release.id).execute(context_of(release.id, states=DONE))
    assert platform_in_use.records.release(release.id).phase is Phase.ERROR


def test_the_run_of_a_successful_release_succeeds(platform_in_use, context_of, ready_to_ramp):
    release = ready_to_ramp("2")
    for phase in (Phase.RAMPING, Phase.PROMOTING, Phase.WATCHING, Phase.SUCCESSFUL):
        platform_in_use.records.move(release.id, phase)
    settling(release.id).execute(context_of(release.id, states=DONE))


def test_what_was_refused_when_it_asked_is_said(platform_in_use, context_of):
    with pytest.raises(AirflowFailException, match="refused when it asked"):
        settling("x").execute(context_of("x", states=DONE, service="iris", version="2"))


@pytest.mark.parametrize(("actor", "stays"), [("webhook", False), ("ann", True)])
def test_only_a_wish_of_the_registry_is_taken_back(platform_in_use, context_of, actor, stays):
    platform_in_use.registry.set_alias("iris", CHALLENGER, "2")
    asked = {"service": "iris", "version": "2", "actor": actor}
    with pytest.raises(AirflowFailException):
        settling("x").execute(context_of("x", user="svc", states=DONE, **asked))
    left = platform_in_use.registry.version_by_alias("iris", CHALLENGER)
    assert (left is not None) is stays
