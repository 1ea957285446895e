from __future__ import annotations

import numpy as np

from serving.conversion.timing import microseconds_of_one_row
from serving.runtime.engines.engine import Outputs
from serving.runtime.rows import Rows


class Refusing:
    """Refuses negative numbers."""

    name = "refusing"
    classes = None
    output_names = ("predictions",)

    def outputs(self, rows: Rows) -> Outputs:
        if (rows.matrix < 0).any():
            raise ValueError("negative")
        return {"predictions": np.zeros(rows.count)}


def test_rows_that_are_refused_are_left_out() -> None:
    found = microseconds_of_one_row(Refusing(), [[1.0], [-1.0]])
    assert found is not None
    assert found > 0


def test_there_is_no_time_where_nothing_is_answered() -> None:
    assert microseconds_of_one_row(Refusing(), [[-1.0]]) is None
