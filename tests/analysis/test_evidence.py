"""How evidence is said to a person."""

import math

import pytest

from tiffin.analysis.blocks import Block
from tiffin.analysis.evidence import Strength, said_counts


def test_says_counts_with_rates():
    said = said_counts(Block(14, 212, 2, 1880))
    assert said == "candidate 14 of 212 failed (6.6 %), stable 2 of 1,880 (0.1 %)"


def test_says_no_rate_where_there_were_no_requests():
    assert said_counts(Block(0, 0, 2, 100)) == "candidate 0 of 0 failed, stable 2 of 100 (2.0 %)"


def test_leaves_stable_out_where_there_is_none():
    assert said_counts(Block(1, 100, 0, 0)) == "candidate 1 of 100 failed (1.0 %)"


@pytest.mark.parametrize(
    ("e", "said"), [(0.314, "0.31"), (4.21, "4.2"), (19.8, "20"), (310, "310"), (2e15, "10^15")]
)
def test_says_e_values_as_people_write_them(e, said):
    assert str(Strength(0.0, math.log(e))) == f"e = {said}"
