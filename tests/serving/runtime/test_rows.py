from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from serving.runtime.rows import Rows, joined

CELLS = [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]
COLUMNS = [[1.0, 3.0, 5.0], [2.0, 4.0, 6.0]]
Make = Callable[[], Rows]
SHAPES: list[Make] = [
    lambda: Rows(cells=CELLS),
    lambda: Rows(matrix=np.array(CELLS)),
    lambda: Rows(columns=COLUMNS),
]


@pytest.mark.parametrize("make", SHAPES)
def test_each_shape_is_made_from_each_other(make: Make) -> None:
    rows = make()
    assert rows.count == 3
    assert rows.cells == CELLS
    assert [list(column) for column in rows.columns] == COLUMNS
    assert rows.matrix.tolist() == CELLS
    assert rows.size_bytes > 0


@pytest.mark.parametrize("make", SHAPES)
def test_a_part_has_the_rows_between(make: Make) -> None:
    for start, stop in [(0, 1), (1, 2), (1, 3), (0, 3)]:
        part = make().part(start, stop)
        assert part.count == stop - start
        assert part.cells == CELLS[start:stop]
        assert part.matrix.tolist() == CELLS[start:stop]


@pytest.mark.parametrize("first", SHAPES)
@pytest.mark.parametrize("second", SHAPES)
def test_rows_of_any_shapes_are_put_below_each_other(first: Make, second: Make) -> None:
    both = joined([first(), second(), first()])
    assert both.count == 9
    assert both.cells == CELLS * 3


def test_a_long_text_weighs_what_it_takes() -> None:
    assert Rows(cells=[["x" * 100_000]]).size_bytes > 100_000


def test_nothing_is_no_rows() -> None:
    with pytest.raises(ValueError, match="need cells"):
        Rows()
