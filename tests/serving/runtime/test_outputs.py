from __future__ import annotations

import numpy as np
import pytest

from serving.runtime.errors import ModelAnswerError
from serving.runtime.outputs import checked_outputs, merged_outputs, split_outputs

LABELS = np.array(["a", "b", "c"], dtype=object)
SHARES = np.array([[0.1, 0.9], [0.2, 0.8], [0.3, 0.7]])
OUTPUTS = {"predictions": LABELS, "probabilities": SHARES}


def test_lets_good_outputs_pass() -> None:
    assert checked_outputs(OUTPUTS, 3) is OUTPUTS


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("shape", [(3,), (3, 2)])
def test_an_output_that_is_no_number_can_not_be_sent(odd: float, shape: tuple[int, ...]) -> None:
    values = np.zeros(shape)
    values.flat[-1] = odd
    with pytest.raises(ModelAnswerError, match="the model's intervals are not all finite numbers"):
        checked_outputs({"predictions": np.zeros(3), "intervals": values}, 3)


def test_very_large_numbers_are_numbers() -> None:
    assert checked_outputs({"predictions": np.array([1e300, -1e300])}, 2)


def test_too_few_answers_can_not_be_sent() -> None:
    with pytest.raises(ModelAnswerError, match="3 rows gave 2 predictions"):
        checked_outputs({"predictions": np.zeros(2)}, 3)


def test_what_was_split_can_be_merged_again() -> None:
    parts = split_outputs(OUTPUTS, [1, 2])
    assert [len(part["predictions"]) for part in parts] == [1, 2]
    assert all(part["probabilities"].flags.c_contiguous for part in parts)
    merged = merged_outputs(parts)
    assert merged["predictions"].tolist() == LABELS.tolist()
    assert merged["probabilities"].tolist() == SHARES.tolist()
    assert merged["probabilities"].flags.c_contiguous
