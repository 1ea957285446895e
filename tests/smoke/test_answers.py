from __future__ import annotations

import pytest

from tiffin.smoke.answers import difference


@pytest.mark.parametrize(
    ("expected", "actual"),
    [
        (1.0, 1.0 + 1e-9),
        (1, 1.0),
        ([0.1, 0.2], [0.1, 0.2]),
        ({"predictions": ["good"]}, {"predictions": ["good"], "model_version": "7"}),
    ],
)
def test_agrees(expected: object, actual: object) -> None:
    assert difference(expected, actual) == ""


@pytest.mark.parametrize(
    ("expected", "actual", "sentence"),
    [
        (1.0, 1.001, "the answer is 1.001, not 1.0"),
        (1, True, "the answer is True, not 1"),
        ({"a": [1, 2]}, {"a": [1, 3]}, "a[1] is 3, not 2"),
        ({"a": [1]}, {"a": [1, 2]}, "a is [1, 2], not a list of 1"),
        ({"a": 1}, {"b": 1}, "a is missing"),
        ({"a": {"b": 1}}, {"a": 3}, "a is 3, not an object"),
        (["good"], ["bad"], "[0] is bad, not good"),
    ],
)
def test_says_where_two_answers_differ(expected: object, actual: object, sentence: str) -> None:
    assert difference(expected, actual) == sentence
