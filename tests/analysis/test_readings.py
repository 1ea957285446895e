"""From two readings of the counters to a Block."""

from tiffin.analysis.blocks import Block
from tiffin.analysis.readings import blocks_between
from tiffin.traffic.counters import Counts, Reading


def reading(epoch="1", **counts):
    return Reading(epoch, {name: Counts(good, bad) for name, (good, bad) in counts.items()})


def test_takes_the_difference_of_both_revisions():
    before = reading(v1=(100, 2), v2=(10, 0))
    after = reading(v1=(190, 3), v2=(15, 5))
    assert blocks_between(before, after, stable="v1", candidate="v2") == Block(5, 10, 1, 91)


def test_a_revision_without_a_counter_had_no_requests_yet():
    before, after = reading(v1=(100, 2)), reading(v1=(100, 2), v2=(4, 1))
    assert blocks_between(before, after, stable="v1", candidate="v2") == Block(1, 5, 0, 0)


def test_counters_that_began_anew_are_not_subtracted():
    before, after = reading("1", v1=(5, 0)), reading("2", v1=(9, 0))
    assert blocks_between(before, after, stable="v1", candidate="v2") is None


def test_a_counter_that_went_backwards_is_not_believed():
    before, after = reading(v1=(5, 3), v2=(1, 0)), reading(v1=(9, 2), v2=(1, 0))
    assert blocks_between(before, after, stable="v1", candidate="v2") is None


def test_a_counter_that_vanished_is_not_believed():
    before, after = reading(v1=(5, 3), v2=(1, 0)), reading(v1=(9, 3))
    assert blocks_between(before, after, stable="v1", candidate="v2") is None
