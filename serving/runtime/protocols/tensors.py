"""Tensors of the Open Inference Protocol, from JSON and from raw bytes, and the rows they hold.

REST and gRPC share it. Numbers keep the value that was sent: an FP32 in JSON stays the decimal
that it is.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from math import prod
from typing import Any, NamedTuple

import numpy as np

from serving.runtime.bad_input import BadInputError
from serving.runtime.rows import Rows
from serving.runtime.signature import InputSignature


@dataclass(frozen=True, slots=True)
class Datatype:
    """One of the protocol's element types."""

    name: str
    words: str
    """What an element is, for a sentence."""
    python: frozenset[type]
    """The types that JSON and protobuf give such an element."""
    raw: np.dtype[Any] | None
    """How it lies in raw bytes; None for BYTES, whose elements carry their own length."""
    bounds: tuple[float, float] | None = None
    """The smallest and largest number it can hold, where that is less than JSON's."""


def _whole(name: str, raw: str) -> Datatype:
    dtype = np.dtype(raw)
    limits = np.iinfo(dtype)
    words = f"a whole number from {limits.min} to {limits.max}"
    return Datatype(name, words, frozenset({int}), dtype, (int(limits.min), int(limits.max)))


def _real(name: str, raw: str) -> Datatype:
    dtype = np.dtype(raw)
    largest = float(np.finfo(dtype).max)
    words = f"a number of at most {largest:.4g} in size"
    return Datatype(name, words, frozenset({int, float}), dtype, (-largest, largest))


DATATYPES = {
    datatype.name: datatype
    for datatype in (
        Datatype("BOOL", "true or false", frozenset({bool}), np.dtype("?")),
        *(_whole(f"UINT{size * 8}", f"<u{size}") for size in (1, 2, 4, 8)),
        *(_whole(f"INT{size * 8}", f"<i{size}") for size in (1, 2, 4, 8)),
        _real("FP16", "<f2"),
        _real("FP32", "<f4"),
        Datatype("FP64", "a number", frozenset({int, float}), np.dtype("<f8")),
        Datatype("BYTES", "a text", frozenset({str}), None),
    )
}


class Tensor(NamedTuple):
    """An input as it was sent: its elements in row-major order, as many as its shape says."""

    name: str
    shape: tuple[int, ...]
    values: list[Any] | np.ndarray


_INTS = frozenset({int})


def datatype_of(name: object, path: str) -> Datatype:
    """Return the datatype of that name."""
    known = DATATYPES.get(name) if isinstance(name, str) else None
    if known is None:
        raise BadInputError(f"{path}.datatype", f"send one of {', '.join(DATATYPES)}")
    return known


def shape_of(dimensions: Any, path: str) -> tuple[int, ...]:
    """Return a shape of one or two dimensions."""
    if type(dimensions) not in (list, tuple) or not _INTS.issuperset(map(type, dimensions)):
        raise BadInputError(f"{path}.shape", "send a list of whole numbers, such as [1, 4]")
    if not 1 <= len(dimensions) <= 2 or min(dimensions) < 0:
        words = "send [rows, columns], or [rows] for one column"
        raise BadInputError(f"{path}.shape", words)
    return tuple(dimensions)


def tensor_of_values(
    name: str, datatype: Datatype, shape: tuple[int, ...], values: list[Any], path: str
) -> Tensor:
    """Return a tensor of elements that JSON or protobuf gave, flat or one list for each row."""
    flat = _flattened(values, shape, path)
    if len(flat) != prod(shape):
        words = f"the shape {list(shape)} needs {prod(shape)} values, not {len(flat)}"
        raise BadInputError(path, words)
    if not datatype.python.issuperset(map(type, flat)) or not _within(flat, datatype.bounds):
        index = next(i for i, value in enumerate(flat) if not _holds(datatype, value))
        raise BadInputError(f"{path}[{index}]", f"{datatype.name} is {datatype.words}")
    return Tensor(name, shape, flat)


def _flattened(values: list[Any], shape: tuple[int, ...], path: str) -> list[Any]:
    if not values or type(values[0]) is not list:
        return values
    width = shape[1] if len(shape) == 2 else 1
    for index, row in enumerate(values):
        if type(row) is not list or len(row) != width:
            words = f"the shape {list(shape)} needs lists of {width} values"
            raise BadInputError(f"{path}[{index}]", words)
    return list(chain.from_iterable(values))


def _within(values: list[Any], bounds: tuple[float, float] | None) -> bool:
    return not bounds or not values or (min(values) >= bounds[0] and max(values) <= bounds[1])


def _holds(datatype: Datatype, value: object) -> bool:
    return type(value) in datatype.python and _within([value], datatype.bounds)


def tensor_of_bytes(
    name: str, datatype: Datatype, shape: tuple[int, ...], raw: bytes | memoryview, path: str
) -> Tensor:
    """Return a tensor of raw elements, little-endian and without gaps."""
    if datatype.raw is None:
        return tensor_of_values(name, datatype, shape, _texts(raw, path), path)
    size = prod(shape) * datatype.raw.itemsize
    if len(raw) != size:
        words = f"the shape {list(shape)} of {datatype.name} needs {size} bytes, not {len(raw)}"
        raise BadInputError(path, words)
    elements = np.frombuffer(raw, datatype.raw)
    return Tensor(name, shape, _truths(elements, path) if datatype.name == "BOOL" else elements)


def _texts(raw: bytes | memoryview, path: str) -> list[str]:
    texts: list[str] = []
    at = 0
    while at < len(raw):
        if len(raw) - at < 4:
            raise BadInputError(path, "the raw bytes end within the length of a text")
        length = struct.unpack_from("<I", raw, at)[0]
        at += 4
        if len(raw) - at < length:
            raise BadInputError(path, f"a text of {length} bytes is cut off")
        texts.append(text_of(bytes(raw[at : at + length]), f"{path}[{len(texts)}]"))
        at += length
    return texts


def text_of(raw: bytes, path: str) -> str:
    """Decode one element of BYTES."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise BadInputError(path, "a text must be UTF-8") from None


def _truths(elements: np.ndarray, path: str) -> list[Any]:
    if elements.view(np.uint8).max(initial=0) > 1:
        raise BadInputError(path, "BOOL is the byte 0 or 1")
    truths: list[Any] = elements.tolist()
    return truths


def rows_of(tensors: Sequence[Tensor], signature: InputSignature, path: str) -> Rows:
    """Check the rows of one tensor [rows, columns], or of one tensor for each column."""
    if not tensors:
        raise BadInputError(path, "send at least one tensor")
    if len(tensors) == 1 and _is_table(tensors[0], signature):
        return _table(tensors[0], signature, f"{path}[0]")
    columns = {}
    for index, tensor in enumerate(tensors):
        if tensor.name in columns:
            raise BadInputError(f"{path}[{index}].name", "two tensors have this name")
        columns[tensor.name] = _column(tensor, tensors[0].shape[0], f"{path}[{index}]")
    return signature.checked_columns(columns, path)


def _is_table(tensor: Tensor, signature: InputSignature) -> bool:
    return tensor.name not in signature.sendable or tensor.shape[1:] == (len(signature.names),)


def _table(tensor: Tensor, signature: InputSignature, path: str) -> Rows:
    width = len(signature.names)
    if tensor.shape[1:] != (width,) and (len(tensor.shape), width) != (1, 1):
        words = f"send [rows, {width}], a value for each of {', '.join(signature.names)}"
        raise BadInputError(f"{path}.shape", words)
    values = tensor.values
    if isinstance(values, list):
        rows = [values[at : at + width] for at in range(0, len(values), width)]
        return signature.checked(rows, f"{path}.data")
    with np.errstate(invalid="ignore"):  # a signalling NaN is refused like any other
        return signature.checked_matrix(values.reshape(-1, width), f"{path}.data")


def _column(tensor: Tensor, count: int, path: str) -> list[Any] | np.ndarray:
    if tensor.shape[1:] not in ((), (1,)) or tensor.shape[0] != count:
        raise BadInputError(f"{path}.shape", f"send [{count}] or [{count}, 1], as the others")
    return tensor.values
