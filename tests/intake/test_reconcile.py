from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tiffin.intake.memory_runs import MemoryRuns
from tiffin.intake.reconcile import is_lost, reconcile
from tiffin.intake.runs import DEPLOY_DAG
from tiffin.registry.model_version import CHALLENGER
from tiffin.release.phases import Phase


@pytest.fixture
def runs():
    return MemoryRuns()


def a_while_ago(platform, release_id: str) -> None:
    """Make a Release look as if nothing had happened to it for an hour."""
    import sqlalchemy as sa

    then = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    with platform.records._engine.begin() as tx:
        tx.execute(
            sa.text("UPDATE releases SET changed_at = :then WHERE id = :id"),
            {"then": then, "id": release_id},
        )


def test_a_lost_webhook_is_made_good(platform, service, runs):
    platform.registry.set_alias("iris", CHALLENGER, "2")
    assert list(reconcile(platform, runs, service)) == ["release iris-v2-1 begins"]


def test_a_quiet_service_is_left_alone(platform, service, runs):
    assert list(reconcile(platform, runs, service)) == []
    route = platform.router.read("iris")
    assert route is not None
    assert route.generation == 1


@pytest.mark.parametrize(
    ("state", "age_s", "lost"),
    [
        ("running", 3600, False),
        ("queued", 3600, False),
        (None, 10, False),
        (None, 100, True),
        ("failed", 100, True),
        ("success", 100, True),
    ],
)
def test_when_a_release_is_lost(ready_to_ramp, state, age_s, lost):
    release = ready_to_ramp("2")
    assert is_lost(release, state, release.changed_at + timedelta(seconds=age_s)) is lost


def test_a_release_whose_run_was_deleted_is_settled(platform, service, runs, ready_to_ramp):
    release = ready_to_ramp("2")
    a_while_ago(platform, release.id)
    (said, *_) = reconcile(platform, runs, service)
    assert "is settled: Error" in said
    assert platform.records.release(release.id).phase is Phase.ERROR
    assert platform.records.claimant("iris") is None
    assert platform.registry.version_by_alias("iris", CHALLENGER) is None


def test_a_release_whose_run_goes_on_is_left_alone(platform, service, runs, ready_to_ramp):
    release = ready_to_ramp("2")
    runs.trigger(DEPLOY_DAG, release.id, {})
    a_while_ago(platform, release.id)
    assert list(reconcile(platform, runs, service)) == []
    assert platform.records.release(release.id).phase is Phase.SMOKING


def test_a_claim_that_led_to_no_release_is_freed_once_its_run_is_over(platform, service, runs):
    platform.records.claim("iris", "iris-v3-1")
    runs.trigger(DEPLOY_DAG, "iris-v3-1", {})
    assert list(reconcile(platform, runs, service)) == []
    runs.end(DEPLOY_DAG, "iris-v3-1", "failed")
    assert "was let go" in next(iter(reconcile(platform, runs, service)))
    assert platform.records.claimant("iris") is None
