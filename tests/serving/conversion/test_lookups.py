from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.feature_extraction import DictVectorizer
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, TargetEncoder

from serving.conversion.lookups import ENCODERS, looked_up, vectorized
from serving.conversion.untranslatable import UntranslatableError
from tests.serving.conversion.zoo import cells_of, loaded

TABLE = pd.DataFrame(
    {
        "home": pd.Series(["rent", "own", "rent", "own", "parents", "rent"], dtype="object"),
        "job": pd.Series(["a", "b", "a", "a", "b", "c"], dtype="object"),
    }
)
OUTCOME = np.array([0, 1, 0, 1, 1, 0])


def encoded(encoder: Any, row: list[Any]) -> list[float]:
    """Return what the lookups make of a row, as a server would put it together."""
    numbers: list[float] = []
    for part in looked_up(loaded(encoder, TABLE).signature, encoder, [0, 1]):
        lookup = part.lookup
        assert lookup is not None
        found = dict(lookup.known).get(row[part.cell], lookup.unknown)
        assert found is not None, "refused"
        numbers += found
    return numbers


@pytest.mark.parametrize(
    "encoder",
    [
        OneHotEncoder(handle_unknown="ignore"),
        OneHotEncoder(handle_unknown="ignore", drop="first"),
        OneHotEncoder(handle_unknown="ignore", drop="if_binary"),
        OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=2),
        OneHotEncoder(handle_unknown="infrequent_if_exist", max_categories=2, sparse_output=False),
        OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-7),
        OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan),
        TargetEncoder(cv=2, random_state=0),
    ],
    ids=repr,
)
@pytest.mark.filterwarnings("ignore:Found unknown categories")
def test_a_row_is_what_the_encoder_itself_makes_of_it(encoder: Any) -> None:
    encoder.fit(TABLE, OUTCOME)
    rows = [*cells_of(TABLE), ["castle", "a"], ["own", "z"], ["", "c"]]
    frame = pd.DataFrame(rows, columns=TABLE.columns, dtype="object")
    wanted = encoder.transform(frame)
    wanted = wanted.toarray() if hasattr(wanted, "toarray") else wanted
    np.testing.assert_array_equal([encoded(encoder, row) for row in rows], wanted)


def test_an_encoder_that_refuses_unknown_texts_goes_on_refusing() -> None:
    encoder = OneHotEncoder(handle_unknown="error").fit(TABLE)
    parts = looked_up(loaded(encoder, TABLE).signature, encoder, [0, 1])
    assert [part.lookup.unknown for part in parts if part.lookup] == [None, None]


def test_classes_of_a_target_encoder_lie_side_by_side() -> None:
    outcome = np.array([0, 1, 2, 1, 2, 0])
    encoder = TargetEncoder(cv=2, random_state=0).fit(TABLE, outcome)
    wanted = encoder.transform(TABLE)
    np.testing.assert_array_equal([encoded(encoder, row) for row in cells_of(TABLE)], wanted)


def test_whole_numbers_may_be_categories() -> None:
    table = pd.DataFrame({"rooms": [3, 1, 2, 3], "floors": [1, 1, 2, 2]})
    encoder = OneHotEncoder(handle_unknown="ignore").fit(table)
    parts = looked_up(loaded(encoder, table).signature, encoder, [0, 1])
    known = [[value for value, _ in part.lookup.known] for part in parts if part.lookup]
    assert known == [[1, 2, 3], [1, 2]]


def test_a_category_that_no_row_can_have_is_refused() -> None:
    table = pd.DataFrame({"home": pd.Series(["rent", None], dtype="object")})
    encoder = OneHotEncoder().fit(table)
    with pytest.raises(UntranslatableError, match="is missing"):
        looked_up(loaded(encoder, table).signature, encoder, [0])


def test_every_encoder_that_is_known_was_tried_above() -> None:
    assert {encoder.__name__ for encoder in ENCODERS} == {
        "OneHotEncoder",
        "OrdinalEncoder",
        "TargetEncoder",
    }


def test_a_vectorizer_sorts_its_columns_by_name() -> None:
    table = pd.DataFrame(
        {"z": [1.0, 2.0], "home": pd.Series(["rent", "a=b"], dtype="object"), "a": [3, 4]}
    )
    vectorizer = DictVectorizer().fit(table.to_dict(orient="records"))
    parts, order = vectorized(loaded(vectorizer, table).signature, vectorizer)
    assert list(vectorizer.feature_names_) == ["a", "home=a=b", "home=rent", "z"]
    assert [part.cell for part in parts] == [0, 1, 2]
    assert order.tolist() == [3, 1, 2, 0]
    (texts,) = (part.lookup for part in parts if part.lookup)
    assert sorted(value for value, _ in texts.known) == ["a=b", "rent"]
    assert texts.unknown == (0.0, 0.0)


def test_a_vectorizer_of_other_columns_is_refused() -> None:
    vectorizer = DictVectorizer().fit([{"home": "rent", "gone": 1.0}])
    with pytest.raises(UntranslatableError, match="lacks"):
        vectorized(loaded(vectorizer, TABLE).signature, vectorizer)
