from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pytest

from serving.runtime.bad_input import BadInputError
from serving.runtime.columns import NUMBER, WHOLE, Column
from serving.runtime.signature import InputSignature, read_signature

SIGNATURE = read_signature(
    json.dumps(
        [
            {"type": "long", "name": "age", "required": True},
            {"type": "double", "name": "income", "required": True},
            {"type": "string", "name": "home", "required": True},
            {"type": "boolean", "name": "married", "required": True},
        ]
    )
)
GOOD = [30, 1200.5, "rent", True]
GOOD_OBJECT = dict(zip(SIGNATURE.names, GOOD, strict=True))


def with_cell(name: str, value: object) -> dict[str, Any]:
    return GOOD_OBJECT | {name: value}


def test_reads_a_row_as_a_list_and_as_an_object_alike() -> None:
    shuffled = dict(reversed(GOOD_OBJECT.items()))
    assert SIGNATURE.checked([GOOD, shuffled]).cells == [GOOD, GOOD]


def test_takes_a_whole_float_for_a_whole_number_and_an_int_for_a_number() -> None:
    cells = SIGNATURE.checked([[30.0, 5, "rent", False]]).cells
    assert cells == [[30, 5, "rent", False]]
    assert isinstance(cells[0][0], int)


@pytest.mark.parametrize(
    ("features", "sentence"),
    [
        ("rent", "features: send a list of rows, not the text 'rent'"),
        (None, "features: send a list of rows, not null"),
        ({}, "features: send a list of rows, not an object"),
        ([], "features: send at least one row"),
        ([30], "features[0]: send a row as a list or an object, not 30"),
        (GOOD, "features[0]: send a row as a list or an object, not 30"),
        ([GOOD, [GOOD]], "features[1]: a row has 4 values (age, income, home, married), not 1"),
        ([GOOD[:3]], "features[0]: a row has 4 values (age, income, home, married), not 3"),
        ([[*GOOD, 1]], "features[0]: a row has 4 values (age, income, home, married), not 5"),
        ([with_cell("agee", 1)], "features[0].agee: unknown column; did you mean age?"),
        (
            [with_cell("zzz", 1)],
            "features[0].zzz: unknown column; the model reads age, income, home, married",
        ),
        ([{"age": 1}], "features[0].income: this column is missing"),
        ([with_cell("age", 30.5)], "features[0].age: send a whole number, not 30.5"),
        ([with_cell("age", True)], "features[0].age: send a whole number, not true"),
        ([with_cell("age", "30")], "features[0].age: send a whole number, not the text '30'"),
        ([with_cell("age", 2**63)], f"features[0].age: send a whole number, not {2**63}"),
        ([with_cell("age", 10**400)], "features[0].age: send a whole number, not a huge number"),
        (
            [with_cell("income", 10**400)],
            "features[0].income: send a finite number, not a huge number",
        ),
        (
            [with_cell("income", float("nan"))],
            "features[0].income: send a finite number, not NaN",
        ),
        (
            [with_cell("income", float("-inf"))],
            "features[0].income: send a finite number, not -Infinity",
        ),
        ([with_cell("income", None)], "features[0].income: send a finite number, not null"),
        ([with_cell("income", [1])], "features[0].income: send a finite number, not a list"),
        ([with_cell("home", 3)], "features[0].home: send a text, not 3"),
        ([with_cell("home", {})], "features[0].home: send a text, not an object"),
        ([with_cell("married", 1)], "features[0].married: send true or false, not 1"),
        (
            [[30, "x", "rent", True]],
            "features[0][1] (income): send a finite number, not the text 'x'",
        ),
    ],
)
def test_says_where_and_what_is_wrong(features: object, sentence: str) -> None:
    with pytest.raises(BadInputError) as refused:
        SIGNATURE.checked(features)
    assert str(refused.value) == sentence


def test_says_what_is_wrong_also_in_the_last_of_many_rows() -> None:
    for bad, sentence in [
        ([30.5, 1.0, "rent", True], "features[99][0] (age): send a whole number, not 30.5"),
        ([30, float("inf"), "rent", True], "features[99][1] (income): send a finite number, not"),
        ([30, 1.0, "rent"], "features[99]: a row has 4 values"),
        ({"age": 30}, "features[99].income: this column is missing"),
    ]:
        with pytest.raises(BadInputError, match=re.escape(sentence)):
            SIGNATURE.checked([GOOD] * 99 + [bad])


def test_many_rows_as_lists_and_as_objects_and_mixed_are_read_alike() -> None:
    for row, other in [(GOOD, GOOD), (GOOD_OBJECT, GOOD_OBJECT), (GOOD, GOOD_OBJECT)]:
        assert SIGNATURE.checked([row, other] * 20).cells == [GOOD] * 40


@pytest.mark.parametrize("name", ["age", "zzz"])
def test_repeats_only_the_start_of_a_long_text(name: str) -> None:
    with pytest.raises(BadInputError) as refused:
        SIGNATURE.checked([GOOD_OBJECT | {name: "9" * 5000}])
    assert len(str(refused.value)) < 120
    with pytest.raises(BadInputError) as refused:
        SIGNATURE.checked([GOOD_OBJECT | {"n" * 5000: 1}])
    assert len(str(refused.value)) < 220


NUMBERS = InputSignature((Column("a", NUMBER), Column("b", NUMBER)))
WHOLES = InputSignature((Column("a", WHOLE), Column("b", NUMBER)))


@pytest.mark.parametrize("dtype", ["float64", "float32", "int64", "uint8", ">f8"])
def test_reads_a_matrix_of_any_type_of_number(dtype: str) -> None:
    rows = NUMBERS.checked_matrix(np.array([[1, 2], [3, 4]], dtype=dtype))
    assert rows.cells == [[1.0, 2.0], [3.0, 4.0]]
    assert rows.matrix.dtype == np.float64
    assert rows.matrix.flags.c_contiguous


def test_reads_a_matrix_that_lies_column_by_column() -> None:
    rows = NUMBERS.checked_matrix(np.asfortranarray([[1.0, 2.0], [3.0, 4.0]]))
    assert rows.matrix.flags.c_contiguous
    assert rows.cells == [[1.0, 2.0], [3.0, 4.0]]


def test_a_matrix_of_numbers_whose_squares_overflow_is_fine() -> None:
    assert NUMBERS.checked_matrix(np.array([[1e300, -1e300]])).cells == [[1e300, -1e300]]


def test_large_whole_numbers_keep_their_last_digit() -> None:
    large = 2**62 + 1
    assert WHOLES.checked_matrix(np.array([[large, 1]])).cells == [[large, 1]]
    assert WHOLES.checked_columns({"a": np.array([large]), "b": [1.0]}).cells == [[large, 1.0]]


@pytest.mark.parametrize(
    ("signature", "matrix", "sentence"),
    [
        (NUMBERS, [[1, 2], [3, np.nan]], "matrix[1][1] (b): send a finite number, not NaN"),
        (NUMBERS, [[-np.inf, 2]], "matrix[0][0] (a): send a finite number, not -Infinity"),
        (NUMBERS, [[1, 2, 3]], "matrix[0]: a row has 2 values (a, b), not 3"),
        (NUMBERS, [1, 2], "matrix: send a matrix of shape [rows, 2], not [2]"),
        (NUMBERS, np.zeros((0, 2)), "matrix: send at least one row"),
        (NUMBERS, np.zeros((3, 0)), "matrix[0]: a row has 2 values (a, b), not 0"),
        (NUMBERS, [[True, False]], "matrix[0][0] (a): send a finite number, not true"),
        (NUMBERS, [["1", "2"]], "matrix[0][0] (a): send a finite number, not the text '1'"),
        (WHOLES, [[1.5, 2]], "matrix[0][0] (a): send a whole number, not 1.5"),
        (WHOLES, [[1e19, 2]], "matrix[0][0] (a): send a whole number, not 1e+19"),
        (SIGNATURE, [[1, 2, 3, 4]], "matrix[0][2] (home): send a text, not 3"),
    ],
)
def test_says_what_is_wrong_with_a_matrix(
    signature: InputSignature, matrix: Any, sentence: str
) -> None:
    with pytest.raises(BadInputError) as refused:
        signature.checked_matrix(np.array(matrix))
    assert str(refused.value) == sentence


def test_reads_columns_as_lists_and_as_arrays() -> None:
    rows = SIGNATURE.checked_columns(
        {
            "married": np.array([True, False]),
            "home": ["rent", "own"],
            "income": np.array([[1.5], [2.5]], dtype=np.float32),
            "age": np.array([30.0, 40.0]),
        }
    )
    assert rows.count == 2
    assert rows.cells == [[30, 1.5, "rent", True], [40, 2.5, "own", False]]
    assert rows.columns[0] == [30, 40]


GOOD_COLUMNS: dict[str, Any] = {name: [value] for name, value in GOOD_OBJECT.items()}


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        ({"agee": [1]}, "columns.agee: unknown column; did you mean age?"),
        ({"home": [3]}, "columns.home[0]: send a text, not 3"),
        ({"income": [1, 2]}, "columns.income: send 1 values, as age has, not 2"),
        ({"age": "30"}, "columns.age: send a list of values, not the text '30'"),
        ({"age": np.zeros((2, 3))}, "columns.age: send one value for each row, not [2, 3]"),
        ({"age": np.array([1.5])}, "columns.age[0]: send a whole number, not 1.5"),
        ({name: [] for name in GOOD_OBJECT}, "columns: send at least one row"),
    ],
)
def test_says_what_is_wrong_with_columns(columns: dict[str, Any], sentence: str) -> None:
    with pytest.raises(BadInputError) as refused:
        SIGNATURE.checked_columns(GOOD_COLUMNS | columns)
    assert str(refused.value) == sentence


def test_says_which_column_is_missing() -> None:
    with pytest.raises(BadInputError, match="income: this column is missing"):
        SIGNATURE.checked_columns({"age": [1]})


def test_can_make_up_a_row_that_it_allows() -> None:
    row = SIGNATURE.made_up_row.cells
    assert SIGNATURE.checked(row).cells == row


def test_reads_a_tensor_signature_as_unnamed_numbers() -> None:
    spec = {"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": [-1, 3]}}
    signature = read_signature(json.dumps([spec]))
    assert isinstance(signature, InputSignature)
    assert not signature.named
    assert signature.checked([[1, 2.5, 3]]).cells == [[1, 2.5, 3]]


@pytest.mark.parametrize(
    "specs",
    [
        [{"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": [-1, 28, 28]}}],
        [{"type": "datetime", "name": "when"}],
    ],
)
def test_refuses_a_signature_that_is_no_table(specs: list[dict[str, Any]]) -> None:
    with pytest.raises(ValueError, match="signature"):
        read_signature(json.dumps(specs))
