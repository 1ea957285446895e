from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from serving.conversion.answers import answers_one_by_one, answers_to
from serving.runtime.engines.engine import Outputs
from serving.runtime.rows import Rows


class Picky:
    """Refuses rows with a negative number, and answers NaN for zero."""

    name = "picky"
    classes = None
    output_names = ("predictions",)

    def __init__(self) -> None:
        self.calls = 0

    def outputs(self, rows: Rows) -> Outputs:
        self.calls += 1
        numbers = rows.matrix[:, 0]
        if (numbers < 0).any():
            raise ValueError("negative")
        return {"predictions": np.where(numbers == 0, np.nan, numbers)}


def cells(*numbers: float) -> list[list[Any]]:
    return [[number] for number in numbers]


def test_one_refused_row_does_not_hide_the_others() -> None:
    answers = answers_to(Picky(), cells(1, 2, -1, 3, -2))
    assert answers == [
        {"predictions": 1.0},
        {"predictions": 2.0},
        None,
        {"predictions": 3.0},
        None,
    ]


def test_what_no_server_would_send_counts_as_refused() -> None:
    assert answers_to(Picky(), cells(1, 0)) == [{"predictions": 1.0}, None]


def test_rows_are_asked_about_together_or_one_by_one() -> None:
    picky = Picky()
    assert answers_to(picky, cells(1, 2, 3)) == answers_one_by_one(picky, cells(1, 2, 3))
    assert picky.calls == 4


def test_no_rows_need_no_call() -> None:
    assert answers_to(Picky(), []) == []


class Warner:
    """A model that warns of what it does."""

    name = "warner"
    classes = None
    output_names = ("predictions",)

    def outputs(self, rows: Rows) -> Outputs:
        return {"predictions": np.exp(rows.matrix[:, 0])}


def test_a_warning_is_no_refusal() -> None:
    with pytest.warns(RuntimeWarning):
        Warner().outputs(Rows(cells=cells(1e6)))
    assert answers_to(Warner(), cells(1.0, -1e6))[1] == {"predictions": 0.0}
