from __future__ import annotations

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from tiffin.release.phases import Phase
from tiffin.release.steps.rolling_back import ensure_aborted
from tiffin_airflow.operators.approval import (
    ApproveReleaseOperator,
    GuardApprovalOperator,
    evidence_of,
)


def guard(release_id: str) -> GuardApprovalOperator:
    return GuardApprovalOperator(task_id="guard", approval_task_id="approve", release_id=release_id)


@pytest.fixture
def waiting(platform_in_use, ready_to_ramp):
    """Return the id of a Release that waits for a person."""
    release = ready_to_ramp("2", approval=True, strategy="direct")
    platform_in_use.records.move(release.id, Phase.RAMPING)
    return release.id


def test_nobody_is_asked_when_the_service_needs_no_approval(
    platform_in_use, context_of, ready_to_ramp
):
    release = ready_to_ramp("2")
    for operator in (
        ApproveReleaseOperator(task_id="approve", release_id=release.id),
        guard(release.id),
    ):
        with pytest.raises(AirflowSkipException, match="needs no approval"):
            operator.execute(context_of(release.id))


def test_the_guard_ends_once_the_person_has_answered(waiting, context_of):
    guard(waiting).execute(context_of(waiting, states={"approve": "success"}))


def test_the_guard_steps_back_when_the_person_says_no(platform_in_use, waiting, context_of):
    context = context_of(waiting)

    def said_no_meanwhile(**asked):
        ensure_aborted(platform_in_use, waiting, actor="admin")
        return {waiting: {"approve": "running"}}

    context["ti"].get_task_states = said_no_meanwhile
    with pytest.raises(AirflowSkipException):
        guard(waiting).execute(context)


def test_the_guard_fails_when_somebody_else_took_the_service(platform_in_use, waiting, context_of):
    route = platform_in_use.router.read("iris")
    platform_in_use.router.take_over("iris", "a-rollback", generation=route.generation)
    with pytest.raises(AirflowFailException, match="fenced"):
        guard(waiting).execute(context_of(waiting, states={"approve": "awaiting_input"}))


def test_a_no_aborts_the_release_in_that_persons_name(platform_in_use, waiting, context_of):
    operator = ApproveReleaseOperator(task_id="approve", release_id=waiting)
    event = {
        "chosen_options": ["Reject"],
        "params_input": {},
        "responded_at": platform_in_use.records.release(waiting).begun_at,
        "responded_by_user": {"id": "ann", "name": "ann"},
    }
    operator.execute_complete(context_of(waiting), event)
    release = platform_in_use.records.release(waiting)
    assert (release.phase, release.reason) == (Phase.ABORTED, "aborted by ann")
    route = platform_in_use.router.read("iris")
    assert route.split.weight("v2-abcdef01") == 0


def test_nobody_answering_is_a_no():
    assert ApproveReleaseOperator(task_id="approve").defaults == ["Reject"]


def test_the_person_sees_what_is_asked(platform_in_use, waiting):
    release = platform_in_use.records.release(waiting)
    platform_in_use.records.note(waiting, "validated", {"report": "http://report"})
    told = evidence_of(platform_in_use, release)
    assert "Version **2** of `iris`" in told
    assert "(http://report)" in told
