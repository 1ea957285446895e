from __future__ import annotations

import pytest

from tiffin.services.spec import InferenceSpec
from tiffin.smoke.answers import LAST_DIGITS, Closeness, difference


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


AUTO = Closeness.of(InferenceSpec(tolerance=1e-5))


@pytest.mark.parametrize(
    ("expected", "actual", "agrees"),
    [
        ({"probabilities": [[0.001, 0.999]]}, {"probabilities": [[0.001009, 0.998991]]}, True),
        ({"probabilities": [[0.001, 0.999]]}, {"probabilities": [[0.0011, 0.9989]]}, False),
        ({"predictions": [200_000.0]}, {"predictions": [200_001.0]}, True),
        ({"predictions": [200_000.0]}, {"predictions": [200_003.0]}, False),
        ({"predictions": [0.001]}, {"predictions": [0.001009]}, False),
        ({"predictions": ["good"]}, {"predictions": ["bad"]}, False),
    ],
)
def test_a_compiled_candidate_may_be_off_by_the_services_tolerance(
    expected: object, actual: object, *, agrees: bool
) -> None:
    assert (difference(expected, actual, AUTO) == "") is agrees


def test_a_native_candidate_may_be_off_by_the_last_digits_only() -> None:
    native = Closeness.of(InferenceSpec(engine="native", tolerance=0.01))
    assert native == LAST_DIGITS
    assert difference({"predictions": [1.0]}, {"predictions": [1.00001]}, native) != ""
