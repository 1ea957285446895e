"""What every Target must do. A new one's test is a class with the fixture `subject`."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import pytest

from tiffin.errors import RefusedError
from tiffin.targets.target import Resources, Revision, RevisionState, RevisionStatus, Target

REVISION = Revision(
    service="credit-risk",
    name="v7-1a2b3c4d",
    model="credit-risk",
    version="7",
    bento="credit-risk:1a2b3c4d",
    image="credit-risk:1a2b3c4d@sha256:00",
    resources=Resources(memory_mib=16),
)
OTHER = replace(REVISION, name="v8-5e6f7a8b", version="8", bento="credit-risk:5e6f7a8b")


@dataclass(frozen=True)
class TargetUnderTest:
    """A Target without any Revision, and how much memory is more than it has."""

    target: Target
    too_much_mib: int


def wait_for(
    target: Target, revision: Revision, state: RevisionState, timeout_s: float = 30
) -> RevisionStatus:
    deadline = time.monotonic() + timeout_s
    while (status := target.status(revision.service, revision.name)).state is not state:
        assert time.monotonic() < deadline, f"still {status}, not {state}"
        time.sleep(0.05)
    return status


class TargetContract:
    @pytest.fixture
    def target(self, subject: TargetUnderTest) -> Target:
        return subject.target

    def test_what_was_never_started_is_absent(self, target: Target):
        assert target.status("credit-risk", "v1-00000000").state is RevisionState.ABSENT
        assert target.revisions("credit-risk") == ()

    def test_a_started_revision_becomes_ready_at_an_endpoint(self, target: Target):
        started = target.ensure_started(REVISION)
        ready = wait_for(target, REVISION, RevisionState.READY)
        assert ready.endpoint is not None
        assert ready.endpoint == started.endpoint
        assert (ready.service, ready.name, ready.reason) == ("credit-risk", "v7-1a2b3c4d", "")

    def test_started_twice_is_started_once(self, target: Target):
        target.ensure_started(REVISION)
        first = wait_for(target, REVISION, RevisionState.READY)
        assert target.ensure_started(REVISION) == first
        assert target.revisions("credit-risk") == (first,)

    def test_two_revisions_run_side_by_side_and_are_listed_by_name(self, target: Target):
        for revision in (OTHER, REVISION):
            target.ensure_started(revision)
            wait_for(target, revision, RevisionState.READY)
        listed = target.revisions("credit-risk")
        assert [status.name for status in listed] == [REVISION.name, OTHER.name]
        assert listed[0].endpoint != listed[1].endpoint

    def test_revisions_of_another_service_are_not_listed(self, target: Target):
        target.ensure_started(replace(REVISION, service="house-prices"))
        assert target.revisions("credit-risk") == ()

    def test_retired_once_or_twice_it_is_absent_and_the_other_goes_on(self, target: Target):
        for revision in (REVISION, OTHER):
            target.ensure_started(revision)
        wait_for(target, OTHER, RevisionState.READY)
        target.ensure_retired(REVISION.service, REVISION.name)
        target.ensure_retired(REVISION.service, REVISION.name)
        assert target.status(REVISION.service, REVISION.name).state is RevisionState.ABSENT
        assert [status.name for status in target.revisions("credit-risk")] == [OTHER.name]
        assert target.status(OTHER.service, OTHER.name).state is RevisionState.READY

    def test_started_again_after_it_was_retired(self, target: Target):
        target.ensure_started(REVISION)
        target.ensure_retired(REVISION.service, REVISION.name)
        target.ensure_started(REVISION)
        wait_for(target, REVISION, RevisionState.READY)

    def test_refuses_what_there_is_no_room_for_before_anything_changes(
        self, subject: TargetUnderTest
    ):
        huge = replace(REVISION, resources=Resources(memory_mib=subject.too_much_mib))
        with pytest.raises(RefusedError) as refusal:
            subject.target.ensure_started(huge)
        assert refusal.value.code == "no-room"
        assert subject.target.revisions("credit-risk") == ()
