from __future__ import annotations

import struct
from typing import Any

import numpy as np
import pytest

from serving.runtime.bad_input import BadInputError
from serving.runtime.protocols.tensors import (
    DATATYPES,
    Tensor,
    datatype_of,
    rows_of,
    shape_of,
    tensor_of_bytes,
    tensor_of_values,
)
from tests.serving.runtime.protocols.tiny_models import (
    ONE_SIGNATURE,
    PEOPLE_SIGNATURE,
    PERSON,
    POINTS_SIGNATURE,
)

SHORT_TEXTS = b"".join(struct.pack("<I", len(text)) + text for text in (b"own", b""))


def values(datatype: str, shape: tuple[int, ...], given: list[Any]) -> Tensor:
    return tensor_of_values("t", DATATYPES[datatype], shape, given, "here")


def raw(datatype: str, shape: tuple[int, ...], given: bytes) -> Tensor:
    return tensor_of_bytes("t", DATATYPES[datatype], shape, given, "here")


def refusal(make: Any, *arguments: Any) -> str:
    with pytest.raises(BadInputError) as refused:
        make(*arguments)
    return str(refused.value)


@pytest.mark.parametrize("given", [[1, 2, 3, 4], [[1, 2], [3, 4]]])
def test_takes_values_flat_or_row_by_row(given: list[Any]) -> None:
    assert values("INT32", (2, 2), given).values == [1, 2, 3, 4]


def test_a_decimal_of_fp32_stays_the_decimal_that_it_is() -> None:
    assert values("FP32", (1,), [0.1]).values == [0.1]


@pytest.mark.parametrize(
    ("datatype", "shape", "given", "sentence"),
    [
        ("FP64", (2, 2), [1, 2, 3], "here: the shape [2, 2] needs 4 values, not 3"),
        ("FP64", (0, 2), [1], "here: the shape [0, 2] needs 0 values, not 1"),
        ("FP64", (2, 2), [[1, 2], [3]], "here[1]: the shape [2, 2] needs lists of 2 values"),
        ("FP64", (2, 2), [[1, 2], 3], "here[1]: the shape [2, 2] needs lists of 2 values"),
        ("FP64", (1, 2), [[[1], [2]]], "here[0]: FP64 is a number"),
        ("FP64", (2,), ["1", 2], "here[0]: FP64 is a number"),
        ("FP64", (2,), [1, True], "here[1]: FP64 is a number"),
        ("FP64", (2,), [1, None], "here[1]: FP64 is a number"),
        ("INT64", (2,), [1, 2.5], "here[1]: INT64 is a whole number from -9223372036854775808"),
        ("INT8", (2,), [1, 128], "here[1]: INT8 is a whole number from -128 to 127"),
        ("UINT16", (1,), [-1], "here[0]: UINT16 is a whole number from 0 to 65535"),
        ("FP32", (1,), [1e39], "here[0]: FP32 is a number of at most 3.403e+38 in size"),
        ("FP16", (1,), [65520], "here[0]: FP16 is a number of at most 6.55e+04 in size"),
        ("BOOL", (1,), [1], "here[0]: BOOL is true or false"),
        ("BYTES", (1,), [1], "here[0]: BYTES is a text"),
    ],
)
def test_says_which_value_is_wrong(
    datatype: str, shape: tuple[int, ...], given: list[Any], sentence: str
) -> None:
    assert refusal(values, datatype, shape, given).startswith(sentence)


@pytest.mark.parametrize(
    "datatype", [datatype for datatype in DATATYPES.values() if datatype.raw is not None]
)
def test_takes_raw_elements_of_each_datatype(datatype: Any) -> None:
    sent = np.array([0, 1, 1, 0], dtype=datatype.raw)
    tensor = raw(datatype.name, (2, 2), sent.tobytes())
    assert list(tensor.values) == sent.tolist()


def test_takes_raw_texts() -> None:
    assert raw("BYTES", (2,), SHORT_TEXTS).values == ["own", ""]


@pytest.mark.parametrize(
    ("datatype", "shape", "given", "sentence"),
    [
        ("FP32", (1, 2), b"1234567", "here: the shape [1, 2] of FP32 needs 8 bytes, not 7"),
        ("INT8", (2**62, 2**62), b"", "here: the shape [4611686018427387904, 46116860184"),
        ("BOOL", (2,), b"\x01\x02", "here: BOOL is the byte 0 or 1"),
        ("BYTES", (2,), SHORT_TEXTS[:-1], "here: the raw bytes end within the length of a text"),
        ("BYTES", (1,), SHORT_TEXTS[:6], "here: a text of 3 bytes is cut off"),
        ("BYTES", (1,), b"\x01\x00\x00\x00\xff", "here[0]: a text must be UTF-8"),
        ("BYTES", (3,), SHORT_TEXTS, "here: the shape [3] needs 3 values, not 2"),
    ],
)
def test_says_what_is_wrong_with_raw_bytes(
    datatype: str, shape: tuple[int, ...], given: bytes, sentence: str
) -> None:
    assert refusal(raw, datatype, shape, given).startswith(sentence)


@pytest.mark.parametrize("shape", [None, 3, "13", [], [1, 2, 3], [-1], [1.0], [True], {"a": 1}])
def test_a_shape_has_one_or_two_dimensions(shape: object) -> None:
    assert refusal(shape_of, shape, "here").startswith("here.shape: send ")


@pytest.mark.parametrize("name", [None, "FP8", "fp32", ["FP32"]])
def test_an_unknown_datatype_is_told_the_known_ones(name: object) -> None:
    assert "here.datatype: send one of BOOL, UINT8" in refusal(datatype_of, name, "here")


def columns(**changed: Tensor) -> list[Tensor]:
    tensors = {name: Tensor(name, (1,), [value]) for name, value in PERSON.items()}
    return [*(tensors | changed).values()]


def test_a_tensor_for_each_column_makes_rows_in_any_order() -> None:
    rows = rows_of(list(reversed(columns())), PEOPLE_SIGNATURE, "inputs")
    assert rows.cells == [list(PERSON.values())]


def test_columns_may_have_a_second_dimension_of_one() -> None:
    age = Tensor("age", (1, 1), np.array([30]))
    assert rows_of(columns(age=age), PEOPLE_SIGNATURE, "inputs").cells == [[*PERSON.values()]]


@pytest.mark.parametrize("name", ["input", "x0", "x2"])
@pytest.mark.parametrize("given", [[1, 2, 3, 4, 5, 6], np.arange(1, 7, dtype="<f4")])
def test_one_tensor_may_hold_all_columns(name: str, given: Any) -> None:
    rows = rows_of([Tensor(name, (2, 3), given)], POINTS_SIGNATURE, "inputs")
    assert rows.cells == [[1, 2, 3], [4, 5, 6]]


@pytest.mark.parametrize("shape", [(2,), (2, 1)])
@pytest.mark.parametrize("name", ["a", "input"])
def test_one_column_may_have_any_shape_and_name(name: str, shape: tuple[int, ...]) -> None:
    assert rows_of([Tensor(name, shape, [1, 2])], ONE_SIGNATURE, "inputs").cells == [[1], [2]]


def test_whole_numbers_that_no_float_holds_stay_as_they_are() -> None:
    age = Tensor("age", (1,), np.array([2**60 + 1]))
    assert rows_of(columns(age=age), PEOPLE_SIGNATURE, "inputs").cells[0][0] == 2**60 + 1


@pytest.mark.parametrize(
    ("tensors", "sentence"),
    [
        ([], "inputs: send at least one tensor"),
        (columns()[:3], "inputs.married: this column is missing"),
        ([*columns(), Tensor("x", (1,), [1])], "inputs.x: unknown column"),
        ([*columns(), columns()[0]], "inputs[4].name: two tensors have this name"),
        (columns(home=Tensor("home", (2,), ["a", "b"])), "inputs[2].shape: send [1] or [1, 1]"),
        (columns(age=Tensor("age", (1, 2), [1, 2])), "inputs[0].shape: send [1] or [1, 1]"),
        ([Tensor("input", (1, 3), [1, 2, 3])], "inputs[0].shape: send [rows, 4], a value for each"),
        (columns(age=Tensor("age", (1,), [1.5])), "inputs.age[0]: send a whole number, not 1.5"),
    ],
)
def test_says_what_is_wrong_with_the_tensors(tensors: list[Tensor], sentence: str) -> None:
    assert refusal(rows_of, tensors, PEOPLE_SIGNATURE, "inputs").startswith(sentence)


@pytest.mark.parametrize(
    ("tensor", "sentence"),
    [
        (Tensor("i", (3,), [1, 2, 3]), "inputs[0].shape: send [rows, 3], a value for each of x0"),
        (Tensor("i", (0, 3), []), "inputs[0].data: send at least one row"),
        (Tensor("i", (0, 3), np.zeros(0)), "inputs[0].data: send at least one row"),
        (Tensor("i", (1, 3), [1, 2, float("nan")]), "inputs[0].data[0][2] (x2): send a finite"),
        (Tensor("i", (1, 3), np.array([1, 2, np.inf])), "inputs[0].data[0][2] (x2): send a finite"),
    ],
)
def test_says_what_is_wrong_with_a_table(tensor: Tensor, sentence: str) -> None:
    assert refusal(rows_of, [tensor], POINTS_SIGNATURE, "inputs").startswith(sentence)
