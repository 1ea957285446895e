from __future__ import annotations

import pytest

from tiffin.errors import RefusedError, UnavailableError
from tiffin.intake.memory_runs import MemoryRuns
from tiffin.intake.runs import DEPLOY_DAG
from tiffin.intake.wishes import Refusal, grant_wish, is_busy, wish_of
from tiffin.registry.model_version import BAD_TAG, CHALLENGER, ModelVersion
from tiffin.release.phases import Phase
from tiffin.release.release import OnConflict, ReleaseRequest

V1 = ModelVersion("iris", "1", "file:1")
V2 = ModelVersion("iris", "2", "file:2")
BAD = ModelVersion("iris", "2", "file:2", tags={BAD_TAG: "it erred"})


def test_a_challenger_is_deployed_in_the_registrys_name(service):
    wish = wish_of(service, V2, V1, is_busy=False)
    expected = ReleaseRequest("iris", "webhook", version="2", on_conflict=OnConflict.WAIT)
    assert wish == expected


@pytest.mark.parametrize(
    ("challenger", "busy"), [(None, False), (V1, False), (V2, True), (BAD, True)]
)
def test_nothing_to_do(service, challenger, busy):
    assert wish_of(service, challenger, V1, is_busy=busy) is None


def test_a_bad_version_is_refused(service):
    wish = wish_of(service, BAD, V1, is_busy=False)
    assert isinstance(wish, Refusal)
    assert "it erred" in wish.sentence


def test_a_service_that_the_registry_may_not_deploy_is_left_alone(service):
    closed = service.model_copy(update={"deployers": ("admin",)})
    opened = service.model_copy(update={"deployers": ("admin", "webhook")})
    assert wish_of(closed, V2, V1, is_busy=False) is None
    assert wish_of(opened, V2, V1, is_busy=False) is not None


def test_a_release_that_only_watches_does_not_hold_the_service(platform, ready_to_ramp):
    release = ready_to_ramp("2")
    assert is_busy(None, [release])
    assert not is_busy(None, [release.evolved(phase=Phase.WATCHING)])
    assert is_busy("somebody", [])


def test_an_alias_starts_one_run_however_often_it_is_looked_at(platform, service):
    runs = MemoryRuns()
    platform.registry.set_alias("iris", CHALLENGER, "2")
    assert grant_wish(platform, runs, service) == "release iris-v2-1 begins"
    assert grant_wish(platform, runs, service) == "release iris-v2-1 is under way already"
    assert list(runs.confs) == [(DEPLOY_DAG, "iris-v2-1")]
    assert runs.confs[DEPLOY_DAG, "iris-v2-1"]["actor"] == "webhook"


def test_the_alias_that_a_release_in_progress_set_itself_starts_nothing(platform, ready_to_ramp):
    ready_to_ramp("2")
    runs = MemoryRuns()
    assert grant_wish(platform, runs, platform.catalog.service("iris")) is None
    assert runs.confs == {}


def test_a_bad_version_loses_its_alias_and_is_refused_once(platform, service):
    runs = MemoryRuns()
    platform.registry.set_tag("iris", "2", BAD_TAG, "it erred")
    platform.registry.set_alias("iris", CHALLENGER, "2")
    assert "tagged bad" in str(grant_wish(platform, runs, service))
    assert platform.registry.version_by_alias("iris", CHALLENGER) is None
    assert grant_wish(platform, runs, service) is None
    assert runs.confs == {}


def test_a_model_that_nobody_registered_wishes_for_nothing(platform, service):
    other = service.model_copy(update={"model": "unheard-of"})
    assert grant_wish(platform, MemoryRuns(), other) is None


def test_the_alias_stays_when_airflow_is_down(platform, service):
    class DownRuns(MemoryRuns):
        def trigger(self, dag_id, run_id, conf):
            raise UnavailableError("down", code="airflow-unavailable")

    platform.registry.set_alias("iris", CHALLENGER, "2")
    with pytest.raises(UnavailableError):
        grant_wish(platform, DownRuns(), service)
    assert platform.registry.version_by_alias("iris", CHALLENGER) is not None


def test_the_wish_for_a_service_that_airflow_has_not_read_yet_waits(platform, service):
    class UnreadRuns(MemoryRuns):
        def trigger(self, dag_id, run_id, conf):
            raise RefusedError(
                "Airflow answered 400: Invalid input for param service: 'iris' is not one of []",
                code="airflow-refused",
            )

    platform.registry.set_alias("iris", CHALLENGER, "2")
    assert "waits for the next reconcile" in str(grant_wish(platform, UnreadRuns(), service))
    assert grant_wish(platform, MemoryRuns(), service) == "release iris-v2-1 begins"
