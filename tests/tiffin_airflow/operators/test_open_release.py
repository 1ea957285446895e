from __future__ import annotations

import pytest
from airflow.sdk.exceptions import AirflowFailException

from tiffin.release.phases import Phase
from tiffin_airflow.operators.open_release import OpenReleaseOperator


def opening(run_id: str) -> OpenReleaseOperator:
    return OpenReleaseOperator(task_id="open_release", release_id=run_id)


def test_records_the_release_under_the_runs_id_and_its_users_name(platform_in_use, context_of):
    run_id = "manual__2026-11-21T12:00:00+00:00"
    assert opening(run_id).poke(context_of(run_id, service="iris", version="2"))
    release = platform_in_use.records.release(run_id)
    assert (release.actor, release.version) == ("admin", "2")


def test_waits_for_the_release_in_progress(platform_in_use, context_of, ready_to_ramp):
    ready_to_ramp("2")
    asked = {"service": "iris", "version": "3", "on_conflict": "wait"}
    assert opening("later").poke(context_of("later", **asked)) is False
    assert platform_in_use.records.find("later") is None


def test_is_refused_when_it_will_not_wait(platform_in_use, context_of, ready_to_ramp):
    ready_to_ramp("2")
    asked = {"service": "iris", "version": "3", "on_conflict": "refuse"}
    with pytest.raises(AirflowFailException, match="release-in-progress"):
        opening("later").poke(context_of("later", **asked))


def test_nobody_poses_as_another(platform_in_use, context_of):
    asked = {"service": "iris", "version": "2", "actor": "admin"}
    with pytest.raises(AirflowFailException, match="actor-forged"):
        opening("posing").poke(context_of("posing", user="eve", **asked))
    assert platform_in_use.records.find("posing") is None


def test_run_again_it_finds_its_own_release(platform_in_use, context_of):
    context = context_of("again", service="iris", version="2")
    assert opening("again").poke(context)
    assert opening("again").poke(context)
    assert platform_in_use.records.release("again").phase is Phase.PENDING
