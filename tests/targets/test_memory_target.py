import pytest

from tests.contracts.target import REVISION, TargetContract, TargetUnderTest
from tiffin.targets.memory_target import MemoryTarget
from tiffin.targets.target import RevisionState


class TestMemoryTarget(TargetContract):
    @pytest.fixture
    def subject(self) -> TargetUnderTest:
        return TargetUnderTest(MemoryTarget(memory_mib=1024), too_much_mib=1025)


def test_a_slow_revision_is_ready_when_it_is_said_to_be():
    target = MemoryTarget(is_instant=False)
    assert target.ensure_started(REVISION).state is RevisionState.STARTING
    target.become("credit-risk", REVISION.name, RevisionState.FAILED, "out of memory")
    assert target.status("credit-risk", REVISION.name).reason == "out of memory"
