from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer, make_column_transformer
from sklearn.feature_extraction import DictVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from serving.conversion.head import Head, head_of
from serving.conversion.untranslatable import UntranslatableError
from serving.models.rows import RowsAsDicts
from serving.runtime.engines.encoder import Form, encoder_of
from serving.runtime.rows import Rows
from tests.serving.conversion.zoo import cells_of, loaded

TABLE = pd.DataFrame(
    {
        "age": [30, 40, 50, 60],
        "home": pd.Series(["rent", "own", "rent", "parents"], dtype="object"),
        "income": [1.5, 2.5, 3.5, 4.5],
        "job": pd.Series(["a", "b", "b", "a"], dtype="object"),
    }
)
FILLED = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder())
OUTCOME = np.array([0, 1, 0, 1])


def head(*steps: Any, table: pd.DataFrame = TABLE) -> Head:
    fitted = make_pipeline(*steps, LogisticRegression()).fit(table, OUTCOME)
    return head_of(loaded(fitted, table).signature, [step for _, step in fitted.steps])


def encoded(found: Head, table: pd.DataFrame = TABLE) -> np.ndarray:
    """Return the table as the pipeline's next step would see it, before any numeric steps."""
    (matrix,) = encoder_of(found.encoding).inputs(Rows(cells=cells_of(table))).values()
    return matrix[:, found.order]


@pytest.mark.parametrize(
    "encoder",
    [
        make_column_transformer((OneHotEncoder(), ["home", "job"]), remainder="passthrough"),
        make_column_transformer(("passthrough", ["income", "age"]), (OneHotEncoder(), ["job"])),
        make_column_transformer((OneHotEncoder(drop="first"), [3, 1]), ("passthrough", [0])),
        make_column_transformer((OrdinalEncoder(), [False, True, False, True])),
        make_column_transformer(("drop", ["home"]), (OneHotEncoder(), ["job"])),
        make_column_transformer((OneHotEncoder(), ["home"]), ("passthrough", slice(2, 3))),
        make_column_transformer(("passthrough", ["age"]), ("passthrough", ["age", "income"])),
        make_column_transformer((FILLED, ["job"]), sparse_threshold=0),
    ],
    ids=range(8),
)
def test_columns_come_in_the_transformers_order(encoder: ColumnTransformer) -> None:
    found = head(encoder)
    wanted = encoder.fit(TABLE).transform(TABLE)
    wanted = wanted.toarray() if hasattr(wanted, "toarray") else wanted
    np.testing.assert_array_equal(encoded(found), np.asarray(wanted, dtype=float))
    assert sum(branch.width for branch in found.branches) == wanted.shape[1]


def test_a_vectorizers_columns_come_in_its_own_order() -> None:
    found = head(RowsAsDicts(), DictVectorizer())
    records = TABLE.to_dict(orient="records")
    np.testing.assert_array_equal(
        encoded(found), DictVectorizer(sparse=False).fit_transform(records)
    )
    assert found.sparse
    assert not head(RowsAsDicts(), DictVectorizer(sparse=False)).sparse


def test_an_encoder_may_stand_alone() -> None:
    texts = TABLE[["home", "job"]]
    found = head(OneHotEncoder(sparse_output=False), table=texts)
    wanted = OneHotEncoder(sparse_output=False).fit_transform(texts)
    np.testing.assert_array_equal(encoded(found, texts), wanted)


def test_numbers_alone_need_no_encoding() -> None:
    numbers = TABLE[["age", "income"]]
    found = head(StandardScaler(), table=numbers)
    assert found.encoding.form is Form.MATRIX
    assert [type(step).__name__ for step in found.rest] == ["StandardScaler", "LogisticRegression"]


def test_numeric_steps_of_a_branch_are_left_for_the_graph() -> None:
    encoder = make_column_transformer(
        (OneHotEncoder(), ["home"]), (StandardScaler(), ["income", "age"])
    )
    texts, numbers = head(encoder).branches
    assert (texts.width, texts.steps, texts.sparse) == (3, (), True)
    assert numbers.width == 2
    assert [type(step) for step in numbers.steps] == [StandardScaler]


def test_more_texts_than_a_server_should_keep_are_refused() -> None:
    rows = 1001
    table = pd.DataFrame(
        {"id": pd.Series([f"t{number}" for number in range(rows)], dtype="object")}
    )
    encoder = OneHotEncoder().fit(table)
    with pytest.raises(UntranslatableError, match="too many texts"):
        head_of(loaded(encoder, table).signature, [encoder, LogisticRegression()])


@pytest.mark.parametrize("columns", ["home", 1])
def test_a_single_column_that_is_read_as_a_list_is_refused(columns: Any) -> None:
    transformer = ColumnTransformer([("texts", OneHotEncoder(), ["home"])]).fit(TABLE)
    transformer.transformers_ = [("texts", OneHotEncoder(), columns)]
    with pytest.raises(UntranslatableError, match="single column"):
        head_of(loaded(transformer, TABLE).signature, [transformer, LogisticRegression()])


def test_a_step_that_reads_texts_by_itself_is_refused_by_name() -> None:
    with pytest.raises(UntranslatableError, match=r"LogisticRegression reads texts \(home, job\)"):
        head_of(loaded(None, TABLE).signature, [LogisticRegression()])
