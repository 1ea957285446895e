from __future__ import annotations

import numpy as np
import pytest

from serving.runtime.finite import are_finite


@pytest.mark.parametrize("shape", [(5,), (2, 3), (0,)])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_ordinary_and_very_large_numbers_are_finite(shape: tuple[int, ...], dtype: str) -> None:
    assert are_finite(np.full(shape, np.finfo(dtype).max, dtype=dtype))


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", range(6))
def test_finds_an_odd_number_wherever_it_is(odd: float, place: int) -> None:
    values = np.zeros((2, 3))
    values.flat[place] = odd
    assert not are_finite(values)
    assert not are_finite(np.asfortranarray(values))
