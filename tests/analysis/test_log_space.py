"""Sums of numbers kept as logarithms."""

import math

import pytest

from tiffin.analysis.log_space import log_mean, log_sum


def test_adds_numbers_that_would_overflow():
    assert log_sum((1000.0, 1000.0)) == pytest.approx(1000 + math.log(2))


def test_a_sum_of_zeros_is_zero():
    assert log_sum((-math.inf, -math.inf)) == -math.inf


def test_the_mean_of_one_and_three_is_two():
    assert log_mean((0.0, math.log(3))) == pytest.approx(math.log(2))
