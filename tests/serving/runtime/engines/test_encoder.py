from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import pytest

from serving.runtime.engines.encoder import Encoding, Form, Lookup, encoder_of
from serving.runtime.rows import Rows

HOME = Lookup(
    cell=1,
    name="home",
    known=(("rent", (1.0, 0.0)), ("own", (0.0, 1.0))),
    unknown=(0.0, 0.0),
)
ROOMS = Lookup(cell=3, name="rooms", known=((1, (0.1,)), (2, (0.2,))), unknown=None)
BLOCKS = Encoding(Form.BLOCKS, numbers=(2, 0), lookups=(HOME, ROOMS))


def test_numbers_come_first_and_then_what_each_lookup_finds() -> None:
    rows = Rows(cells=[[7, "own", 2.5, 1], [8, "rent", True, 2]])
    (matrix,) = encoder_of(BLOCKS).inputs(rows).values()
    assert matrix.tolist() == [[2.5, 7.0, 0.0, 1.0, 0.1], [1.0, 8.0, 1.0, 0.0, 0.2]]
    assert matrix.dtype == np.float64
    assert BLOCKS.width == 5


def test_a_text_that_nobody_knows_is_what_the_encoder_makes_of_it() -> None:
    (matrix,) = encoder_of(BLOCKS).inputs(Rows(cells=[[7, "castle", 2.5, 1]])).values()
    assert matrix.tolist() == [[2.5, 7.0, 0.0, 0.0, 0.1]]


def test_a_value_that_the_encoder_refuses_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="has never seen 3 in rooms"):
        encoder_of(BLOCKS).inputs(Rows(cells=[[7, "own", 2.5, 3]]))


def test_a_whole_number_is_found_however_it_was_sent() -> None:
    (matrix,) = encoder_of(BLOCKS).inputs(Rows(cells=[[7, "own", 2.5, 1.0]])).values()
    assert matrix[0, -1] == 0.1


@pytest.mark.parametrize("numbers", [(), (0,)])
def test_there_may_be_one_number_or_none(numbers: tuple[int, ...]) -> None:
    encoding = Encoding(Form.BLOCKS, numbers, (HOME,))
    (matrix,) = encoder_of(encoding).inputs(Rows(cells=[[7, "own"]] * 3)).values()
    assert matrix.tolist() == [[*[7.0 for _ in numbers], 0.0, 1.0]] * 3


def test_rows_of_numbers_are_read_as_they_are() -> None:
    sent = np.array([[1.0, 2.0]])
    (matrix,) = encoder_of(Encoding(Form.MATRIX)).inputs(Rows(matrix=sent)).values()
    assert matrix is sent


def test_a_graph_may_read_each_column_by_itself() -> None:
    encoding = Encoding(Form.COLUMNS, dtypes=("float32", "object", "int64", "bool"))
    inputs = encoder_of(encoding).inputs(Rows(cells=[[1, "a", 2, True], [3, "b", 4, False]]))
    assert {name: values.tolist() for name, values in inputs.items()} == {
        "column0": [[1.0], [3.0]],
        "column1": [["a"], ["b"]],
        "column2": [[2], [4]],
        "column3": [[True], [False]],
    }
    assert [str(values.dtype) for values in inputs.values()] == list(encoding.dtypes)


@pytest.mark.parametrize(
    "encoding", [BLOCKS, Encoding(Form.MATRIX), Encoding(Form.COLUMNS, dtypes=("int64",))]
)
def test_an_encoding_survives_json(encoding: Encoding) -> None:
    assert Encoding.of(json.loads(json.dumps(asdict(encoding)))) == encoding
