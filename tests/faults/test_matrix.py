"""Which faults are chosen; this costs nothing, so it runs with all other tests."""

import pytest

from tests.faults.matrix import ALL, DEFAULT, PHASES, Fault, chosen, name_of
from tests.faults.outcome import Outcome, as_markdown
from tests.faults.victims import Victim
from tiffin.release.phases import Phase


def test_without_a_wish_the_default_pairs_are_killed():
    assert chosen("") == tuple((fault,) for fault in DEFAULT)
    assert set(DEFAULT) <= set(ALL)


def test_pairs_and_phases_can_be_named():
    envoy = Fault(Phase.RAMPING, Victim.ENVOY)
    assert chosen("ramping:envoy") == ((envoy,),)
    assert (envoy,) in chosen("ramping")
    assert name_of((envoy,)) == "ramping:envoy"


def test_one_victim_is_killed_at_every_phase_of_one_release():
    (killing,) = chosen(":envoy")
    assert [fault.phase for fault in killing] == list(PHASES)
    assert {fault.victim for fault in killing} == {Victim.ENVOY}
    assert name_of(killing) == ":envoy"


def test_all_is_every_pair_once():
    assert sorted(map(str, (f for killing in chosen("all") for f in killing))) == sorted(
        map(str, ALL)
    )


def test_a_candidate_is_not_killed_before_it_runs_and_once_in_a_release():
    assert [[fault.phase for fault in killing] for killing in chosen(":candidate")] == [
        [Phase.SMOKING],
        [Phase.RAMPING],
        [Phase.PROMOTING],
        [Phase.WATCHING],
    ]


@pytest.mark.parametrize("asked", ["ramping:nobody", "lunch", "smoking:candidate,"])
def test_a_pair_that_there_is_not_is_refused(asked: str):
    with pytest.raises(ValueError, match="there is no fault"):
        chosen(asked)


def test_the_table_says_what_did_not_converge():
    fault = Fault(Phase.RAMPING, Victim.ENVOY)
    rows = [
        Outcome(fault, Phase.SUCCESSFUL, "2", 12.3, 500, 3, 0, 0),
        Outcome(fault, None, "1", 420.0, 900, 0, 0, 0),
    ]
    table = as_markdown(rows)
    assert "| Ramping | envoy | Successful | v2 | 12 | 500 | 3 | 0 | 0 |" in table
    assert "DID NOT CONVERGE" in table
    assert {line.count("|") for line in table.splitlines()[:4]} == {10}
