from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.registration.test_service_file import FOUND
from tiffin.errors import RefusedError
from tiffin.registration.truth import check_truth
from tiffin.services.spec import Kind

LABELS = replace(FOUND, truth="left")
NUMBERS = replace(LABELS, kind=Kind.REGRESSION)


@pytest.mark.parametrize("truth", [["no", "yes"], ["no", "perhaps"]])
def test_a_truth_that_shares_labels_with_the_model_will_do(truth: list[str]) -> None:
    check_truth(LABELS, {"predictions": ["no"], "classes": ["no", "yes"]}, truth)


def test_labels_of_another_kind_are_refused() -> None:
    answer: dict[str, Any] = {"predictions": [0], "classes": [0, 1]}
    with pytest.raises(RefusedError, match="answers 0, 1, the truth in left is no, yes; write the"):
        check_truth(LABELS, answer, ["no", "yes"])


def test_numbers_have_no_words_for_a_truth() -> None:
    check_truth(NUMBERS, {"predictions": [0.5]}, [1, 2.5])
    with pytest.raises(RefusedError, match="the truth in left is high, low; name the right column"):
        check_truth(NUMBERS, {"predictions": [0.5]}, ["high", "low"])
