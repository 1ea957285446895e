from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from serving.runtime.columns import NUMBER, TEXT, TRUTH, WHOLE, Column, ColumnType
from serving.runtime.engines.table import table_maker
from serving.runtime.rows import Rows
from serving.runtime.signature import InputSignature


def frame_by_series(signature: InputSignature, rows: Rows) -> pd.DataFrame:
    """Make the table the plain way."""
    return pd.DataFrame(
        {
            column.name: pd.Series(list(cells), dtype=column.type.dtype)
            for column, cells in zip(signature.columns, rows.columns, strict=True)
        }
    )


MIXED = InputSignature(
    (Column("age", WHOLE), Column("income", NUMBER), Column("home", TEXT), Column("old", TRUTH))
)
MIXED_ROWS = Rows(cells=[[30, 1, "rent", True], [2**62 + 1, 2.5, "", False]])


def test_makes_the_table_that_one_series_for_each_column_would_make() -> None:
    made = table_maker(MIXED)(MIXED_ROWS)
    pd.testing.assert_frame_equal(made, frame_by_series(MIXED, MIXED_ROWS))
    assert made["age"].tolist() == [30, 2**62 + 1]


@pytest.mark.parametrize(
    ("kind", "cells"),
    [
        (NUMBER, [[1.5, 2], [3, 4.5]]),
        (WHOLE, [[1, 2**62 + 1], [3, 4]]),
        (TEXT, [["a", "b"], ["", "d"]]),
        (TRUTH, [[True, False], [False, False]]),
    ],
)
def test_makes_a_table_of_one_type_of_column(kind: ColumnType, cells: list[list[object]]) -> None:
    signature = InputSignature((Column("a", kind), Column("b", kind)))
    rows = Rows(cells=cells)
    pd.testing.assert_frame_equal(table_maker(signature)(rows), frame_by_series(signature, rows))


def test_whole_numbers_that_came_as_a_matrix_are_whole_again() -> None:
    signature = InputSignature((Column("a", WHOLE), Column("b", NUMBER)))
    table = table_maker(signature)(Rows(matrix=np.array([[1.0, 2.5]])))
    assert table.dtypes.astype(str).tolist() == ["int64", "float64"]


def test_columns_without_names_become_an_array() -> None:
    signature = InputSignature((Column("x0", NUMBER), Column("x1", NUMBER)), named=False)
    table = table_maker(signature)(Rows(cells=[[1, 2.5]]))
    assert isinstance(table, np.ndarray)
    assert table.tolist() == [[1.0, 2.5]]
