from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.runtime.bad_input import BadInputError
from serving.runtime.columns import NUMBER, TEXT, TRUTH, WHOLE, Column
from serving.runtime.quick_check import QuickCheck
from serving.runtime.signature import InputSignature

COLUMNS = (
    Column("age", WHOLE),
    Column("income", NUMBER),
    Column("home", TEXT),
    Column("married", TRUTH),
    Column("debt", NUMBER),
)
GOOD: list[Any] = [30, 1.5, "rent", True, 7]
GOOD_OBJECT = {column.name: cell for column, cell in zip(COLUMNS, GOOD, strict=True)}
CHECK = QuickCheck(COLUMNS)


@pytest.mark.parametrize("count", [1, 2, 9, 10, 50])
@pytest.mark.parametrize("row", [GOOD, GOOD_OBJECT])
def test_recognises_right_rows_of_any_number(count: int, row: Any) -> None:
    rows = CHECK.rows([row] * count)
    assert rows is not None
    assert rows.cells == [GOOD] * count


@pytest.mark.parametrize("count", [0, 50])
@pytest.mark.parametrize(
    "odd",
    [
        GOOD[:4],
        [*GOOD, 1],
        (*GOOD,),
        None,
        7,
        "abcde",
        GOOD_OBJECT | {"more": 1},
        {"more" if name == "age" else name: cell for name, cell in GOOD_OBJECT.items()},
        *([*GOOD[:index], None, *GOOD[index + 1 :]] for index in range(5)),
        GOOD_OBJECT | {"debt": float("nan")},
        GOOD_OBJECT | {"debt": 10**400},
        GOOD_OBJECT | {"age": 2**63},
    ],
)
def test_recognises_no_rows_among_which_one_is_odd(count: int, odd: Any) -> None:
    assert CHECK.rows([GOOD] * count + [odd]) is None


def test_a_single_column_is_checked_too() -> None:
    check = QuickCheck(COLUMNS[:1])
    assert check.rows([[1]]) is not None
    assert check.rows([{"age": 1}]) is not None
    assert check.rows([["1"]]) is None
    assert check.rows([{"age": "1"}]) is None


CELL = st.one_of(st.integers(), st.floats(), st.text(max_size=2), st.booleans(), st.none())
RIGHT_ROW = st.tuples(
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=2),
    st.booleans(),
    st.integers(-100, 100),
).map(list)


@given(rows=st.lists(RIGHT_ROW | st.lists(CELL, min_size=5, max_size=5), min_size=1, max_size=9))
def test_lets_nothing_pass_that_the_signature_refuses(rows: list[list[Any]]) -> None:
    quick = CHECK.rows(rows)
    if quick is None:
        return
    try:
        careful = InputSignature(COLUMNS)._cell_by_cell(rows, "rows")
    except BadInputError as refused:
        raise AssertionError(str(refused)) from None
    assert quick.cells == careful
