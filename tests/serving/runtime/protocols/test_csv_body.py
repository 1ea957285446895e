from __future__ import annotations

import pytest

from serving.runtime.bad_input import BadInputError
from serving.runtime.protocols.csv_body import rows_of_csv
from tests.serving.runtime.protocols.tiny_models import PEOPLE_SIGNATURE, POINTS_SIGNATURE

HEAD = "age,income,home,married\n"
ROW = [30, 2.5, "rent", True]


@pytest.mark.parametrize(
    "text",
    [
        f"{HEAD}30,2.5,rent,True\n",
        f"{HEAD}30,2.5,rent,True",
        f"{HEAD}\r\n30,2.5,rent,1\r\n\r\n",
        f"\ufeff{HEAD}30.0,25e-1,rent,true\n",
        "home,married,age,income\nrent,TRUE, 30, +2.5\n",
        ",age,income,home,married,z\n0,30,2.5,rent,True,9\n",
    ],
)
def test_reads_the_columns_that_the_model_reads(text: str) -> None:
    assert rows_of_csv(text.encode(), PEOPLE_SIGNATURE).cells == [ROW]


def test_reads_quoted_texts_with_commas_and_line_breaks() -> None:
    rows = rows_of_csv(f'{HEAD}30,2.5,"a ""b"",\nc",False\n'.encode(), PEOPLE_SIGNATURE)
    assert rows.cells == [[30, 2.5, 'a "b",\nc', False]]


def test_a_plain_arrays_columns_may_have_any_names() -> None:
    assert rows_of_csv(b"a,b,c\n1,2,3\n4,5,6\n", POINTS_SIGNATURE).cells == [[1, 2, 3], [4, 5, 6]]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (b"", "csv: send a first line with the names of the columns"),
        (b"\n\n", "csv: send a first line with the names of the columns"),
        (HEAD.encode(), "csv: send at least one row"),
        (b"age,income,home\n30,2.5,rent\n", "csv.married: this column is missing"),
        (f"{HEAD}30,2.5,rent\n".encode(), "csv[0]: 3 cells, but the first line names 4 columns"),
        (f"{HEAD}30,2.5,rent,True,1\n".encode(), "csv[0]: 5 cells, but the first line names 4"),
        (b"\xff", "the body is not UTF-8 (byte 0)"),
        (f"{HEAD}30.5,2.5,rent,True\n".encode(), "csv[0][0] (age): send a whole number, not 30.5"),
        (f"{HEAD},2.5,rent,True\n".encode(), "csv[0][0] (age): send a whole number, not the text"),
        (f"{HEAD}3_0,2.5,rent,True\n".encode(), "csv[0][0] (age): send a whole number"),
        (f"{HEAD}30,nan,rent,True\n".encode(), "csv[0][1] (income): send a finite number, not the"),
        (f"{HEAD}30,1e999,rent,True\n".encode(), "csv[0][1] (income): send a finite number, not I"),
        (f"{HEAD}30,2.5,rent,yes\n".encode(), "csv[0][3] (married): send true or false, not the t"),
        (HEAD.encode() + b'30,2.5,"' + b"x" * 200_000, "csv: the body is no CSV: field larger"),
    ],
)
def test_says_what_is_wrong_and_where(text: bytes, sentence: str) -> None:
    with pytest.raises(BadInputError) as refused:
        rows_of_csv(text, PEOPLE_SIGNATURE)
    assert str(refused.value).startswith(sentence)


def test_a_plain_array_needs_as_many_columns_as_the_model_reads() -> None:
    with pytest.raises(BadInputError, match="csv: the model reads 3 columns, not 2"):
        rows_of_csv(b"a,b\n1,2\n", POINTS_SIGNATURE)


@pytest.mark.timeout(20)
def test_an_endless_number_is_refused_in_no_time() -> None:
    with pytest.raises(BadInputError, match="send a finite number"):
        rows_of_csv(f"{HEAD}1,{'1' * 100_000}x,a,1\n".encode(), PEOPLE_SIGNATURE)
