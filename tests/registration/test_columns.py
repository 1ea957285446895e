from __future__ import annotations

import pytest

from tiffin.errors import RefusedError
from tiffin.registration.columns import Columns, Reads, choose_columns

NAMED = Reads(names=("a", "b"), width=2)
COUNTED = Reads(width=2)


@pytest.mark.parametrize(("reads", "header", "target", "features", "truth"), [
    (NAMED, "b a y", None, "a b", "y"),
    (NAMED, "id a b y", "y", "a b", "y"),
    (NAMED, "a b", None, "a b", None),
    (COUNTED, "a b y", "y", "a b", "y"),
    (COUNTED, "a b", None, "a b", None),
    (Reads(), "a b y", "y", "a b", "y"),
])  # fmt: skip
def test_the_columns_are_told_apart(
    reads: Reads, header: str, target: str | None, features: str, truth: str | None
) -> None:
    chosen = choose_columns(reads, header.split(), target)
    assert (chosen.features, chosen.truth) == (tuple(features.split()), truth)


def test_the_only_other_column_is_the_truth_and_a_person_is_told_why() -> None:
    chosen = choose_columns(NAMED, ["a", "b", "y"], None)
    assert chosen == Columns(("a", "b"), "y", "the only column that the model does not read")


@pytest.mark.parametrize(("reads", "header", "target", "sentence"), [
    (NAMED, "a b", "y", "has no column 'y'; it has a, b"),
    (NAMED, "a y", None, "lacks b, which the model reads"),
    (NAMED, "a b", "b", "reads b, the truth itself"),
    (NAMED, "a b id y", None, "which one holds the truth with --target, as --target y"),
    (COUNTED, "a b y", None, "reads 2 of the 3 columns; say which one holds the truth"),
    (COUNTED, "a b c y", "y", "has 3 columns beside y, the model reads 2"),
    (Reads(), "a b", None, "does not say which columns it reads"),
])  # fmt: skip
def test_a_sample_that_does_not_fit_is_refused(
    reads: Reads, header: str, target: str | None, sentence: str
) -> None:
    with pytest.raises(RefusedError, match=sentence) as refused:
        choose_columns(reads, header.split(), target)
    assert refused.value.code == "bad-sample"
