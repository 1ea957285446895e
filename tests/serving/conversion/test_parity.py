from __future__ import annotations

import math

import pytest

from serving.conversion.answers import Answer
from serving.conversion.parity import Parity, Rules, differences

LABELS = Rules(labels=True)
NUMBERS = Rules(labels=False)


def apart(one: Answer, other: Answer, rules: Rules = LABELS) -> float:
    return differences([one], [other], rules)[0]


def test_equal_answers_are_not_apart() -> None:
    answer = {"predictions": "good", "probabilities": [0.25, 0.75]}
    assert apart(answer, dict(answer)) == 0.0


def test_labels_that_differ_are_infinitely_apart_however_close_their_probabilities() -> None:
    one = {"predictions": "good", "probabilities": [0.5, 0.5]}
    assert apart(one, one | {"predictions": "bad"}) == math.inf


def test_a_label_of_another_type_is_another_label() -> None:
    assert apart({"predictions": 1}, {"predictions": 1.0}) == math.inf
    assert apart({"predictions": 1}, {"predictions": True}) == math.inf


def test_probabilities_are_compared_as_they_are() -> None:
    one = {"predictions": 1, "probabilities": [0.001, 0.999]}
    other = {"predictions": 1, "probabilities": [0.002, 0.998]}
    assert apart(one, other) == pytest.approx(0.001)


def test_other_numbers_are_compared_by_their_size() -> None:
    one = {"predictions": 200_000.0, "intervals": [100_000.0, 300_000.0]}
    other = {"predictions": 200_002.0, "intervals": [100_000.0, 300_030.0]}
    assert apart(one, other, NUMBERS) == pytest.approx(1e-4)


def test_numbers_next_to_nothing_are_compared_as_if_they_were_larger() -> None:
    assert apart({"predictions": 0.0}, {"predictions": 1e-9}, NUMBERS) == pytest.approx(1e-5)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"predictions": 1.0}, None),
        (None, {"predictions": 1.0}),
        ({"predictions": 1.0}, {"predictions": 1.0, "intervals": [0.0, 2.0]}),
        ({"predictions": 1.0, "intervals": [0.0, 2.0]}, {"predictions": 1.0, "intervals": [0.0]}),
        ({"predictions": [1.0, 2.0]}, {"predictions": 1.0}),
    ],
)
def test_what_only_one_says_can_not_be_compared(one: Answer, other: Answer) -> None:
    assert apart(one, other, NUMBERS) == math.inf


def test_both_may_refuse_a_row() -> None:
    assert apart(None, None) == 0.0


def test_an_invented_row_may_be_refused_but_not_answered_otherwise() -> None:
    lenient = Rules(labels=False, may_refuse=True)
    assert apart({"predictions": 1.0}, None, lenient) == 0.0
    assert apart(None, {"predictions": 1.0}, lenient) == math.inf
    assert apart({"predictions": 1.0}, {"predictions": 2.0}, lenient) == pytest.approx(1.0)


def test_counts_the_rows_beyond_the_tolerance_and_nan_among_them() -> None:
    parity = Parity.of([0.0, 1e-6, 1e-4, math.nan], answered=4, tolerance=1e-5)
    assert (parity.rows, parity.disagreeing, parity.agrees) == (4, 2, False)


def test_no_rows_do_not_disagree() -> None:
    assert Parity.of([], answered=0, tolerance=1e-5).agrees
