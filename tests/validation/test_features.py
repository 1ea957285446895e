from __future__ import annotations

import pytest

from tiffin.services.spec import FeaturesSpec
from tiffin.validation.check import Outcome
from tiffin.validation.description import Description
from tiffin.validation.features import check_features

SPEC = FeaturesSpec.model_validate(
    {"entity": "customer_id", "columns": ["home", "age"], "store": {"file": "/customers.json"}}
)


def described(*inputs: str) -> Description:
    return Description({}, inputs or None, len(inputs), None)


def test_passes_a_model_that_reads_the_columns():
    found = check_features(described("age", "home", "amount"), SPEC)
    assert (found.outcome, found.sentence) == (
        Outcome.PASSED,
        "home, age may be looked up by customer_id",
    )


@pytest.mark.parametrize(
    ("description", "words"),
    [
        (described("age", "amount"), "features.columns has home, but the model reads age, amount"),
        (described(), "need a model with named columns"),
    ],
)
def test_fails_a_model_that_does_not(description, words):
    found = check_features(description, SPEC)
    assert found.outcome is Outcome.FAILED
    assert words in found.sentence
