"""The next share of traffic: known bounds, the budget, and when to give up."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiffin.analysis.blocks import Block
from tiffin.analysis.harm import GRID, HarmBudget, Share, Undecidable

BEGIN = HarmBudget(alpha=0.05)


@pytest.mark.parametrize(
    ("block", "bound"), [(Block(0, 40, 4, 460), 0.086736), (Block(0, 400, 9, 900), 0.011642)]
)
def test_gives_the_known_bounds(block, bound):
    assert BEGIN.updated(block).excess_bound == pytest.approx(bound, abs=6e-7)


def test_before_any_request_the_candidate_may_always_fail():
    assert BEGIN.excess_bound == 1
    assert BEGIN.updated(Block(0, 0, 5, 500)).excess_bound == 1


def test_the_first_look_costs_no_more_than_the_budget():
    assert BEGIN.next_share(budget=40, max_share=0.5, expected=500) == Share(800)


def test_a_good_first_look_earns_the_largest_share():
    grown = BEGIN.updated(Block(0, 40, 4, 460))
    assert grown.next_share(budget=40, max_share=0.5, expected=500) == Share(5000)


def test_a_candidate_that_always_fails_gets_nothing_more():
    grown = BEGIN.updated(Block(40, 40, 4, 460))
    verdict = grown.next_share(budget=40, max_share=0.5, expected=500)
    assert isinstance(verdict, Undecidable)
    assert "harm budget of 40 bad requests is spent" in verdict.reason


def test_a_quiet_service_gets_the_largest_share_rather_than_none():
    assert BEGIN.next_share(budget=40, max_share=0.5, expected=0) == Share(5000)


def test_says_so_when_the_smallest_share_is_already_too_much():
    verdict = BEGIN.next_share(budget=40, max_share=0.5, expected=1_000_000)
    assert isinstance(verdict, Undecidable)
    assert "smallest share" in verdict.reason


def test_the_bound_ends_at_the_smallest_excess_of_the_grid():
    assert BEGIN.updated(Block(0, 100_000, 1_000, 100_000)).excess_bound == GRID[0]


@given(budget=st.floats(1, 500), max_share=st.floats(0.01, 0.9), expected=st.floats(0, 1e5))
def test_what_may_still_be_lost_stays_within_the_budget(budget, max_share, expected):
    grown = BEGIN.updated(Block(1, 60, 4, 460))
    verdict = grown.next_share(budget, max_share, expected)
    if isinstance(verdict, Share):
        sent = verdict.basis_points / 10_000 * expected
        assert (grown.requests + sent) * grown.excess_bound <= budget * (1 + 1e-9)
        assert verdict.basis_points <= max_share * 10_000


def test_goes_on_after_a_ledger_row_as_if_nothing_had_happened():
    grown = BEGIN.updated(Block(1, 60, 4, 460))
    row = json.loads(json.dumps(grown.to_dict(), allow_nan=False))
    assert HarmBudget.from_dict(row) == grown
    then = Block(0, 200, 2, 200)
    assert HarmBudget.from_dict(row).updated(then) == grown.updated(then)
