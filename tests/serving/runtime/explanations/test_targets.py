from __future__ import annotations

import numpy as np
import pytest

from serving.runtime.explanations.attribution import Attribution
from serving.runtime.explanations.errors import NotExplainableError
from serving.runtime.explanations.targets import explained, values_of
from serving.runtime.identity import ModelKind

CLASSES: list[object] = ["bad", "good"]


def of_one_row(base: float, *shares: float) -> Attribution:
    return Attribution(np.array([base]), np.array([shares])[:, :, None])


@pytest.mark.parametrize(
    ("base", "output"),
    [(0.5, "probability of good"), (np.log(0.8 / 0.2) - 0.3, "log-odds of good"), (0.6, None)],
)
def test_what_the_shares_add_up_to_says_what_they_are_of(base: float, output: str | None) -> None:
    probabilities = np.array([[0.2, 0.8]])
    found = explained(of_one_row(base, 0.1, 0.2), probabilities, ModelKind.CLASSIFICATION, CLASSES)
    assert (found and found.output) == output


def test_each_row_of_many_classes_is_explained_by_its_most_probable_one() -> None:
    probabilities = np.array([[0.2, 0.1, 0.7], [0.6, 0.1, 0.3]])
    base = np.array([0.3, 0.3, 0.4])
    attribution = Attribution(base, (probabilities - base)[:, None, :])
    found = explained(attribution, probabilities, ModelKind.CLASSIFICATION, ["a", "b", "c"])
    assert found is not None
    assert found.base.tolist() == [0.4, 0.3]
    assert found.shares.ravel() == pytest.approx([0.3, 0.3])
    assert not found.has_one_base


def test_shares_of_another_number_of_outputs_explain_nothing() -> None:
    probabilities = np.array([[0.2, 0.1, 0.7]])
    assert explained(of_one_row(0.7, 0.0), probabilities, ModelKind.CLASSIFICATION, None) is None


def test_a_regression_is_explained_as_it_is() -> None:
    for kind, words in ((ModelKind.REGRESSION, "prediction"), (ModelKind.CAUSAL, "effect")):
        found = explained(of_one_row(1.0, 2.0), np.array([[3.0]]), kind, None)
        assert found is not None
        assert found.output == words


def test_labels_alone_can_not_be_explained() -> None:
    with pytest.raises(NotExplainableError, match="predict_proba"):
        values_of({"predictions": np.array(["bad"])}, ModelKind.CLASSIFICATION)
