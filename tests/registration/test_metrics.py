from __future__ import annotations

import pytest

from tiffin.registration.metrics import measured
from tiffin.services.spec import Kind

TWO = {
    "predictions": ["no", "yes", "yes", "no"],
    "probabilities": [[0.9, 0.1], [0.2, 0.8], [0.4, 0.6], [0.7, 0.3]],
    "classes": ["no", "yes"],
}


def test_labels_are_measured_by_themselves_and_by_their_probabilities() -> None:
    found = measured(Kind.CLASSIFICATION, TWO, ["no", "yes", "no", "yes"])
    assert (found["accuracy"], found["roc_auc"]) == (0.5, 0.75)
    assert found["log_loss"] == pytest.approx(0.61219, abs=1e-5)


def test_what_the_rows_do_not_show_is_left_out() -> None:
    found = measured(Kind.CLASSIFICATION, TWO, ["no"] * 4)
    assert sorted(found) == ["accuracy", "f1_macro"]
    labels_only = {"predictions": [1, 0, 1]}
    assert "roc_auc" not in measured(Kind.CLASSIFICATION, labels_only, [1, 0, 0])


def test_several_classes_are_each_held_against_the_rest() -> None:
    shares = [[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.1, 0.1, 0.8]]
    answer = {"predictions": [0, 1, 2], "probabilities": shares, "classes": [0, 1, 2]}
    assert measured(Kind.CLASSIFICATION, answer, [0, 1, 2])["roc_auc"] == 1


def test_numbers_are_measured_by_their_distance_and_their_intervals() -> None:
    answer = {"predictions": [1.0, 2.0, 4.0], "intervals": [[0, 2], [1, 3], [4, 5]]}
    found = measured(Kind.REGRESSION, answer, [1, 2, 3])
    assert found["mae"] == pytest.approx(1 / 3)
    assert found["r2"] == pytest.approx(0.5)
    assert found["interval_coverage"] == pytest.approx(2 / 3)


def test_effects_have_no_truth_to_be_held_against() -> None:
    found = measured(Kind.CAUSAL, {"predictions": [1, 3], "average_effect": 2.0}, [0, 0])
    assert found == {"average_effect": 2.0}
