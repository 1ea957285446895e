from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.runtime.columns import NUMBER, TEXT, TRUTH, WHOLE, ColumnType

ALL = (NUMBER, WHOLE, TEXT, TRUTH)
CELL = st.one_of(
    st.integers(),
    st.integers(-(2**63), 2**63 - 1),
    st.sampled_from([2**63, -(2**63) - 1, 10**400, -(10**400)]),
    st.floats(),
    st.text(),
    st.booleans(),
    st.none(),
    st.lists(st.integers()),
)


@given(cells=st.lists(CELL, min_size=1))
def test_what_surely_holds_holds_for_each_cell(cells: list[Any]) -> None:
    for kind in ALL:
        if kind.surely_holds(cells):
            assert all(kind.holds(cell) for cell in cells)


@pytest.mark.parametrize(
    ("kind", "cells"),
    [
        (NUMBER, [1, 2.5, -3]),
        (NUMBER, [1e300, -1e300]),
        (WHOLE, [1, -(2**63), 2**63 - 1]),
        (TEXT, ["a", ""]),
        (TRUTH, [True, False]),
    ],
)
def test_ordinary_cells_are_surely_right(kind: ColumnType, cells: list[Any]) -> None:
    assert kind.surely_holds(cells)
    assert all(kind.holds(cell) for cell in cells)
    assert [other for other in ALL if other is not kind and other.surely_holds(cells)] == (
        [NUMBER] if kind is WHOLE else []
    )


def test_two_huge_numbers_do_not_hide_each_other() -> None:
    assert not NUMBER.surely_holds([10**400, -(10**400)])
    assert not NUMBER.surely_holds([float("inf"), float("-inf")])


def test_numbers_whose_sum_is_too_large_are_looked_at_one_by_one() -> None:
    cells = [1e308, 1e308]
    assert not NUMBER.surely_holds(cells)
    assert all(NUMBER.holds(cell) for cell in cells)


@pytest.mark.parametrize("kind", ALL)
def test_what_is_made_up_is_right(kind: ColumnType) -> None:
    assert kind.holds(kind.made_up)
