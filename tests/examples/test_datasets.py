from __future__ import annotations

import pytest

from examples import datasets


@pytest.mark.parametrize("table", [datasets.credit(), datasets.houses(), datasets.job_training()])
def test_tables_have_no_holes(table: object) -> None:
    assert not table.isna().any().any()  # type: ignore[attr-defined]


def test_credit_has_the_thirteen_features_and_the_truth() -> None:
    assert list(datasets.credit().columns) == [*datasets.CREDIT_FEATURES, datasets.CREDIT_TARGET]
    assert len(datasets.CREDIT_FEATURES) == 13


def test_the_clean_up_did_away_with_a_category_that_callers_still_send() -> None:
    assert "parents" in set(datasets.credit()["home"])
    assert "parents" not in set(datasets.credit_after_the_clean_up()["home"])
