from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.client.breaker import Breaker, Outcome, Phase
from serving.client.settings import Circuit

CIRCUIT = Circuit(failures=3, pause_s=30)


def after(breaker: Breaker, *outcomes: Outcome, now: float = 0.0) -> Breaker:
    """Let one try go for each outcome, one after the other."""
    for outcome in outcomes:
        admitted = breaker.admitted(CIRCUIT, now)
        assert admitted is not None
        breaker = admitted.settled(CIRCUIT, admitted.era, outcome, now)
    return breaker


def test_opens_after_so_many_outages_in_a_row() -> None:
    two = after(Breaker(), Outcome.OUTAGE, Outcome.OUTAGE)
    assert two.phase(CIRCUIT, 0) is Phase.CLOSED
    opened = after(two, Outcome.OUTAGE)
    assert opened.phase(CIRCUIT, 29.9) is Phase.OPEN
    assert opened.admitted(CIRCUIT, 29.9) is None
    assert opened.wait_s(CIRCUIT, 10) == 20


def test_an_answer_in_between_begins_the_count_again() -> None:
    mixed = [Outcome.OUTAGE, Outcome.OUTAGE, Outcome.ANSWERED] * 5
    assert after(Breaker(), *mixed).phase(CIRCUIT, 0) is Phase.CLOSED


def test_what_says_nothing_neither_opens_nor_forgives() -> None:
    assert after(Breaker(), *[Outcome.UNKNOWN] * 9).phase(CIRCUIT, 0) is Phase.CLOSED
    two = after(Breaker(), Outcome.OUTAGE, Outcome.OUTAGE, Outcome.UNKNOWN)
    assert after(two, Outcome.OUTAGE).phase(CIRCUIT, 0) is Phase.OPEN


def opened() -> Breaker:
    return after(Breaker(), *[Outcome.OUTAGE] * 3)


def test_after_the_pause_one_try_goes_to_see() -> None:
    probing = opened().admitted(CIRCUIT, 30)
    assert probing is not None
    assert probing.admitted(CIRCUIT, 1000) is None


@pytest.mark.parametrize(
    ("outcome", "phase"),
    [
        (Outcome.ANSWERED, Phase.CLOSED),
        (Outcome.OUTAGE, Phase.OPEN),
        (Outcome.UNKNOWN, Phase.HALF_OPEN),
    ],
)
def test_the_probe_decides(outcome: Outcome, phase: Phase) -> None:
    assert after(opened(), outcome, now=30).phase(CIRCUIT, 30) is phase


def test_a_probe_that_was_given_up_leaves_its_place_to_the_next() -> None:
    assert after(opened(), Outcome.UNKNOWN, Outcome.ANSWERED, now=30).opened_at is None


def test_a_late_answer_from_before_does_not_close_it() -> None:
    early = Breaker().admitted(CIRCUIT, 0)
    assert early is not None
    state = opened()
    assert state.settled(CIRCUIT, early.era, Outcome.ANSWERED, 1) == state


@dataclass
class Tries:
    """The tries of a run, and what a breaker may never do."""

    breaker: Breaker = field(default_factory=Breaker)
    now: float = 0.0
    on_their_way: list[int] = field(default_factory=list)

    def begin(self) -> None:
        before = self.breaker.phase(CIRCUIT, self.now)
        was_probing = self.breaker.is_probing
        admitted = self.breaker.admitted(CIRCUIT, self.now)
        may = before is Phase.CLOSED or (before is Phase.HALF_OPEN and not was_probing)
        assert (admitted is not None) == may
        if admitted is not None:
            self.breaker = admitted
            self.on_their_way.append(admitted.era)

    def end(self, which: int, outcome: Outcome) -> None:
        if not self.on_their_way:
            return
        era = self.on_their_way.pop(which % len(self.on_their_way))
        before = self.breaker
        self.breaker = before.settled(CIRCUIT, era, outcome, self.now)
        if era != before.era:
            assert self.breaker == before
        elif outcome is Outcome.ANSWERED:
            assert self.breaker.phase(CIRCUIT, self.now) is Phase.CLOSED
        elif outcome is Outcome.OUTAGE and before.is_probing:
            assert self.breaker.phase(CIRCUIT, self.now) is Phase.OPEN

    def check(self) -> None:
        probes = [era for era in self.on_their_way if era == self.breaker.era]
        if self.breaker.opened_at is not None:
            assert len(probes) == self.breaker.is_probing
        else:
            assert not self.breaker.is_probing
            assert self.breaker.outages < CIRCUIT.failures


STEPS = st.one_of(
    st.just(("begin",)),
    st.tuples(st.just("end"), st.integers(0, 9), st.sampled_from(Outcome)),
    st.tuples(st.just("wait"), st.sampled_from([0.0, 1.0, 29.0, 30.0])),
)


@given(st.lists(STEPS, max_size=80))
def test_whatever_happens_one_probe_goes_and_late_news_changes_nothing(steps: list) -> None:
    tries = Tries()
    for step in steps:
        match step:
            case ("begin",):
                tries.begin()
            case ("end", which, outcome):
                tries.end(which, outcome)
            case ("wait", seconds):
                tries.now += seconds
        tries.check()
    while tries.on_their_way:
        tries.end(0, Outcome.UNKNOWN)
    tries.now += CIRCUIT.pause_s
    assert tries.breaker.admitted(CIRCUIT, tries.now) is not None
