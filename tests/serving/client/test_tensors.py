from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.client.tensors import UnsendableError, elements_of, in_rows, tensor_of

VALUES = st.one_of(
    st.lists(st.booleans(), min_size=1),
    st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1),
    st.lists(st.floats(allow_nan=False), min_size=1),
    st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1),
)


@given(VALUES)
def test_what_was_packed_is_unpacked(values: list) -> None:
    tensor = tensor_of("x", values, (len(values), 1))
    assert elements_of(tensor.datatype, tensor.shape, tensor.raw()) == tuple(values)


@pytest.mark.parametrize(
    "dtype", ["?", "u1", "<u2", ">u4", "u8", "i1", ">i2", "i4", ">i8", "f2", ">f4", "f8"]
)
def test_an_array_keeps_its_type_and_goes_out_little_endian(dtype: str) -> None:
    array = np.array([0, 1, 1], dtype)
    tensor = tensor_of("x", array, (3,))
    assert elements_of(tensor.datatype, (3,), tensor.raw()) == (0, 1, 1)


@pytest.mark.parametrize(
    ("values", "datatype"),
    [
        ([1, 2], "INT64"),
        ([1, 2.5], "FP64"),
        ([np.float32(1), 2], "FP64"),
        ([np.bool_(True), False], "BOOL"),
        (np.array(["a", "b"]), "BYTES"),
        (np.array(["a", "b"], object), "BYTES"),
        (np.array([1, 2.5], object), "FP64"),
    ],
)
def test_lists_have_the_type_that_holds_them_all(values: list, datatype: str) -> None:
    assert tensor_of("x", values, (2, 1)).datatype == datatype


@pytest.mark.parametrize("values", [[1, "a"], [True, 1], [None, 1.0], [[1], [2]], [1 + 2j]])
def test_values_of_several_types_are_refused_with_their_column(values: list) -> None:
    with pytest.raises(UnsendableError) as raised:
        tensor_of("age", values, (len(values), 1))
    assert raised.value.path == "age"


def test_a_number_beyond_its_type_is_refused_with_its_column() -> None:
    with pytest.raises(UnsendableError, match="too large for INT64") as raised:
        tensor_of("age", [2**64], (1, 1)).raw()
    assert raised.value.path == "age"


@pytest.mark.parametrize(
    ("datatype", "shape", "raw"),
    [
        ("FP64", [2], b"\0" * 15),
        ("FP64", [1], b""),
        ("COMPLEX", [1], b"\0"),
        ("BYTES", [1], b"\1\0"),
        ("BYTES", [1], b"\1\0\0\0\xff"),
    ],
)
def test_raw_bytes_that_are_no_tensor_are_a_value_error(
    datatype: str, shape: list[int], raw: bytes
) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (of any words: the caller tells them)
        elements_of(datatype, shape, raw)


def test_a_text_that_is_cut_off_is_no_shorter_text() -> None:
    with pytest.raises(ValueError, match="cut off"):
        elements_of("BYTES", [1], b"\5\0\0\0abc")


def test_elements_come_back_in_rows() -> None:
    assert in_rows([1, 2, 3], [3]) == (1, 2, 3)
    assert in_rows([1, 2, 3, 4], [2, 2]) == ((1, 2), (3, 4))
    for shape in ([2], [2, 1], [1, 3, 1], []):
        with pytest.raises(ValueError, match="no tensor"):
            in_rows([1, 2, 3], shape)
