"""The one table of legal transitions."""

from itertools import product

import pytest

from tiffin.errors import RefusedError
from tiffin.release.phases import ENDS, LEGAL, Phase, check_transition, has_passed


def test_every_phase_is_in_the_table() -> None:
    assert set(LEGAL) == set(Phase)


def test_an_end_is_final() -> None:
    for end, phase in product(ENDS, Phase):
        with pytest.raises(RefusedError) as refused:
            check_transition("r-1", end, phase)
        assert refused.value.code == "illegal-transition"


def test_every_phase_on_the_way_can_end_unhappily() -> None:
    for phase in set(Phase) - ENDS:
        assert ENDS - {Phase.SUCCESSFUL} <= LEGAL[phase]


def test_nothing_is_promoted_that_was_not_smoked_and_ramped() -> None:
    before = [phase for phase in Phase if Phase.PROMOTING in LEGAL[phase]]
    assert before == [Phase.RAMPING]
    assert [phase for phase in Phase if Phase.RAMPING in LEGAL[phase]] == [Phase.SMOKING]


def test_a_step_behind_is_passed_and_one_ahead_is_not() -> None:
    assert has_passed(Phase.RAMPING, Phase.SMOKING)
    assert not has_passed(Phase.RAMPING, Phase.RAMPING)
    assert not has_passed(Phase.RAMPING, Phase.PROMOTING)
    assert not has_passed(Phase.ABORTED, Phase.PENDING)


def test_only_phases_before_the_promotion_can_be_aborted() -> None:
    assert Phase.RAMPING.is_ahead_of_promotion
    assert not Phase.PROMOTING.is_ahead_of_promotion
    assert not Phase.WATCHING.is_ahead_of_promotion
    assert not Phase.ABORTED.is_ahead_of_promotion
