from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.decomposition import PCA
from sklearn.feature_extraction import DictVectorizer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, PolynomialFeatures, StandardScaler

from serving.models.rows import RowsAsDicts
from serving.runtime.explanations.sources import UnclearSourceError, sources_of

TABLE = pd.DataFrame(
    {"a": [1.0, 2.0, 4.0], "home": ["own", "rent", "x"], "a=b": [3.0, 1.0, 2.0], "b": [0.0] * 3}
)
NUMBERS = ["a", "a=b", "b"]


def found(transformer: Any, table: pd.DataFrame = TABLE) -> list[int]:
    return sources_of(transformer.fit(table), list(table)).tolist()


def test_a_model_without_encoders_reads_the_columns_themselves() -> None:
    assert sources_of(None, ["a", "b"]).tolist() == [0, 1]


def test_each_part_of_a_table_is_followed_by_itself() -> None:
    scaled = make_pipeline(SimpleImputer(), StandardScaler())
    encoder = make_column_transformer(
        (scaled, ["b", "a"]), (OneHotEncoder(), [1]), remainder="passthrough"
    )
    assert found(encoder) == [3, 0, 1, 1, 1, 2]


def test_a_second_step_reads_what_the_first_one_made() -> None:
    encoder = make_column_transformer((OneHotEncoder(), ["home"]), ("drop", ["b"]), (
        OrdinalEncoder(), slice(0, 1)))  # fmt: skip
    assert found(make_pipeline(encoder, StandardScaler(with_mean=False))) == [1, 1, 1, 0]


def test_columns_that_a_mask_tells_are_followed() -> None:
    chosen = make_column_transformer((StandardScaler(), [True, False, False, True]))
    assert found(chosen) == [0, 3]


def test_dictionaries_name_the_column_and_its_text() -> None:
    pipeline = make_pipeline(RowsAsDicts(), DictVectorizer())
    assert found(pipeline, TABLE[["home", "b"]]) == [1, 0, 0, 0]


@pytest.mark.parametrize("mixing", [PolynomialFeatures(2), PCA(2)])
def test_columns_that_are_mixed_have_no_source(mixing: Any) -> None:
    with pytest.raises(UnclearSourceError):
        found(mixing, TABLE[NUMBERS])


def test_a_name_that_could_be_of_two_columns_has_no_source() -> None:
    table = pd.DataFrame({"a": ["x", "y"], "a=b": ["x", "y"]})
    with pytest.raises(UnclearSourceError, match="a=b=x is made of 2 columns"):
        found(make_pipeline(RowsAsDicts(), DictVectorizer()), table)
