from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from serving.runtime.bad_input import BadInputError
from serving.runtime.columns import NUMBER, Column
from serving.runtime.features.keyed_rows import HOLE, KeyedRows
from serving.runtime.features.keyed_signature import MOST_ROWS, KeyedSignature
from serving.runtime.rows import Rows
from serving.runtime.signature import InputSignature
from tests.serving.runtime.features.keyed import SIGNATURE, section

WHOLE_ROW = {"amount": 1.5, "age": 30, "home": "rent"}


def keyed(**changes: Any) -> KeyedSignature:
    return KeyedSignature.of(SIGNATURE, section(**changes))


def holes(rows: Rows) -> tuple[list[list[Any]], list[Any]]:
    assert isinstance(rows, KeyedRows)
    cells = [["?" if cell is HOLE else cell for cell in row] for row in rows.cells]
    return cells, list(rows.keys)


def refusal(features: Any, **changes: Any) -> str:
    with pytest.raises(BadInputError) as refused:
        keyed(**changes).checked(features, "rows")
    return str(refused.value)


@pytest.mark.parametrize(
    "features",
    [[WHOLE_ROW], [[1.5, 30, "rent"]], [WHOLE_ROW, [1.5, 30, "rent"]], [WHOLE_ROW] * 20],
)
def test_rows_with_all_columns_are_read_as_by_any_model(features: Any) -> None:
    rows = keyed().checked(features)
    assert type(rows) is Rows
    assert rows.cells == SIGNATURE.checked(features).cells


def test_a_key_beside_all_columns_is_not_needed() -> None:
    rows = keyed().checked([{**WHOLE_ROW, "customer_id": 1}])
    assert type(rows) is Rows
    assert rows.cells == [[1.5, 30, "rent"]]


def test_what_was_not_sent_becomes_a_hole() -> None:
    sent = [{"customer_id": 7, "amount": 2}, {"customer_id": 8, "amount": 3, "home": "own"}]
    assert holes(keyed().checked(sent)) == ([[2, "?", "?"], [3, "?", "own"]], [7, 8])


def test_rows_with_and_without_a_key_may_come_together() -> None:
    sent = [{"customer_id": 7, "amount": 2}, WHOLE_ROW, [2.5, 20, "own"]]
    cells = [[2, "?", "?"], [1.5, 30, "rent"], [2.5, 20, "own"]]
    assert holes(keyed().checked(sent)) == (cells, [7, None, None])


def test_the_key_may_be_a_column_itself() -> None:
    of_home = keyed(entity="home", entity_type="text", columns=["age"], defaults={})
    assert of_home.sendable == SIGNATURE.names
    rows = of_home.checked([{"home": "rent", "amount": 1}])
    assert holes(rows) == ([[1, "?", "rent"]], ["rent"])


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ({"customer_id": 7}, "rows[0].amount: this column is missing"),
        ({"amount": 1}, "rows[0].age: this column is missing; send it, or customer_id"),
        (
            {"custmer_id": 7, "amount": 1},
            "rows[0].custmer_id: unknown column; did you mean customer_id?",
        ),
        (
            {"customer_id": 7, "amount": "x"},
            "rows[0].amount: send a finite number, not the text 'x'",
        ),
        (
            {"customer_id": 7, "amount": 1, "age": None},
            "rows[0].age: send a whole number, not null",
        ),
        (
            {"customer_id": "7", "amount": 1},
            "rows[0].customer_id: send a whole number, not the text '7'",
        ),
        (
            {"customer_id": [7], "amount": 1},
            "rows[0].customer_id: send a whole number, not a list",
        ),
        (
            {"customer_id": 2**63, "amount": 1},
            f"rows[0].customer_id: send a whole number, not {2**63}",
        ),
        (17, "rows[0]: send a row as a list or an object, not 17"),
    ],
)
def test_a_bad_row_is_refused_before_anybody_is_asked(row: Any, sentence: str) -> None:
    assert refusal([row]) == sentence


def test_the_second_row_is_refused_where_it_is() -> None:
    assert refusal([{"customer_id": 7, "amount": 1}, [1]]).startswith("rows[1]: a row has 3 values")


def test_a_text_key_is_a_text() -> None:
    sentence = refusal([{"customer_id": 7, "amount": 1}], entity_type="text")
    assert sentence == "rows[0].customer_id: send a text, not 7"


def test_too_many_rows_by_key_are_refused_and_rows_with_all_columns_are_not() -> None:
    row = {"customer_id": 7, "amount": 1}
    assert refusal([row] * (MOST_ROWS + 1)) == "rows: send at most 1000 rows by key, not 1001"
    assert keyed().checked([WHOLE_ROW] * (MOST_ROWS + 1)).count == MOST_ROWS + 1


def test_a_row_without_a_list_around_it_has_paths_as_sent() -> None:
    rows = keyed().checked_row({"customer_id": 7, "amount": 1}, "")
    assert isinstance(rows, KeyedRows)
    assert rows.where(0, "age") == "age"
    rows = keyed().checked_row({"customer_id": 7, "amount": 1}, "input_data.features")
    assert isinstance(rows, KeyedRows)
    assert rows.where(0, "age") == "input_data.features.age"


def test_whole_columns_may_be_left_out() -> None:
    sent = {"customer_id": [7, 8], "amount": np.array([[1.0], [2.0]])}
    rows = keyed().checked_columns(sent, "inputs")
    assert holes(rows) == ([[1.0, "?", "?"], [2.0, "?", "?"]], [7, 8])
    assert isinstance(rows, KeyedRows)
    assert rows.where(1, "age") == "inputs.age[1]"


def test_columns_that_are_all_there_need_no_key() -> None:
    sent = {"customer_id": [7], "amount": [1], "age": [2], "home": ["own"]}
    for columns in (sent, {name: sent[name] for name in SIGNATURE.names}):
        rows = keyed().checked_columns(columns)
        assert type(rows) is Rows
        assert rows.cells == [[1, 2, "own"]]


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        ({"amount": [1]}, "inputs.age: this column is missing; send it, or customer_id"),
        ({"customer_id": [], "amount": []}, "inputs: send at least one row"),
        ({"customer_id": 7, "amount": [1]}, "inputs.customer_id: send a list of values, not 7"),
        (
            {"customer_id": [7, 8], "amount": [1]},
            "inputs.amount: send 2 values, as customer_id has, not 1",
        ),
        (
            {"customer_id": [7, 8.5], "amount": [1, 1]},
            "inputs.customer_id[1]: send a whole number, not 8.5",
        ),
        ({"customer_id": [7], "amount": [1], "agee": [1]}, "inputs.agee: unknown column; did you"),
    ],
)
def test_bad_columns_are_refused(columns: Any, sentence: str) -> None:
    with pytest.raises(BadInputError) as refused:
        keyed().checked_columns(columns, "inputs")
    assert str(refused.value).startswith(sentence)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"columns": ["age", "shoe_size"], "defaults": {}},
            "features.columns has shoe_size, but the model reads amount, age, home",
        ),
        (
            {"defaults": {"age": "old"}},
            "features.defaults.age must be a whole number, not the text 'old'",
        ),
        ({"defaults": {"home": 1}}, "features.defaults.home must be a text, not 1"),
    ],
)
def test_a_section_that_does_not_fit_the_model_is_refused(
    changes: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ValueError, match=sentence):
        keyed(**changes)


def test_a_model_of_a_plain_array_can_not_be_asked_by_key() -> None:
    plain = InputSignature((Column("x0", NUMBER),), named=False)
    with pytest.raises(ValueError, match="need a model with named columns"):
        KeyedSignature.of(plain, section())
