"""Tensors of the Open Inference Protocol, to raw bytes and from them, without numpy.

Arrays are asked for what they know themselves (`dtype`, `tobytes`); the client's values are
Python's.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

_FORMATS = {
    "BOOL": "?",
    "UINT8": "B",
    "UINT16": "H",
    "UINT32": "I",
    "UINT64": "Q",
    "INT8": "b",
    "INT16": "h",
    "INT32": "i",
    "INT64": "q",
    "FP16": "e",
    "FP32": "f",
    "FP64": "d",
}
_KINDS = {"f": "FP", "i": "INT", "u": "UINT"}
_LENGTH = struct.Struct("<I")


class UnsendableError(ValueError):
    """The rows, or an option, can't be said in the protocol that the client speaks."""

    def __init__(self, path: str, sentence: str) -> None:
        super().__init__(f"{path}: {sentence}" if path else sentence)
        self.path = path


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor; `values` are its elements in row-major order, a list or a flat array."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    values: Any

    def raw(self) -> bytes:
        """Return the elements little-endian and without gaps, each text after its length."""
        if self.datatype == "BYTES":
            return b"".join(_framed(value) for value in self.values)
        if hasattr(self.values, "dtype"):
            little: bytes = self.values.astype(self.values.dtype.newbyteorder("<")).tobytes()
            return little
        try:
            return struct.pack(f"<{len(self.values)}{_FORMATS[self.datatype]}", *self.values)
        except (struct.error, OverflowError):
            words = f"a number is too large for {self.datatype}"
            raise UnsendableError(self.name, words) from None


def _framed(text: str) -> bytes:
    encoded = text.encode("utf-8", "surrogatepass")
    return _LENGTH.pack(len(encoded)) + encoded


def in_native_order(array: Any) -> Any:
    """Return the array with its bytes in this machine's order, which JSON is written from."""
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def tensor_of(name: str, values: Any, shape: Sequence[int]) -> Tensor:
    """Return a tensor of the datatype that holds these values."""
    kind = values.dtype.kind if hasattr(values, "dtype") else ""
    if kind == "b":
        return Tensor(name, "BOOL", tuple(shape), values)
    if kind in _KINDS:
        datatype = f"{_KINDS[kind]}{values.dtype.itemsize * 8}"
        return Tensor(name, datatype, tuple(shape), in_native_order(values))
    plain = [_plain(value) for value in (values.tolist() if kind else values)]
    return Tensor(name, _datatype_of(name, plain), tuple(shape), plain)


def _plain(value: Any) -> Any:
    """Return a scalar of numpy's as Python's."""
    return value.item() if hasattr(value, "dtype") else value


def _datatype_of(name: str, values: Sequence[Any]) -> str:
    types = set(map(type, values))
    for kinds, datatype in _DATATYPES:
        if types <= kinds:
            return datatype
    found = ", ".join(sorted(kind.__name__ for kind in types))
    words = f"a tensor holds values of one type (found {found}); send rows as objects"
    raise UnsendableError(name, words)


_DATATYPES = (
    (frozenset({bool}), "BOOL"),
    (frozenset({int}), "INT64"),
    (frozenset({int, float}), "FP64"),
    (frozenset({str}), "BYTES"),
)


def elements_of(datatype: str, shape: Sequence[int], raw: bytes | memoryview) -> tuple[Any, ...]:
    """Return the elements of raw bytes; raise ValueError for bytes of another size."""
    try:
        if datatype == "BYTES":
            return tuple(_texts(raw))
        return struct.unpack(f"<{prod(shape)}{_FORMATS[datatype]}", raw)
    except (struct.error, KeyError) as error:
        raise ValueError(f"a tensor can't be read: {error}") from None


def _texts(raw: bytes | memoryview) -> list[str]:
    texts, at = [], 0
    while at < len(raw):
        (length,) = _LENGTH.unpack_from(raw, at)
        at += _LENGTH.size + length
        if at > len(raw):
            raise ValueError("a text is cut off")
        texts.append(bytes(raw[at - length : at]).decode("utf-8"))
    return texts


def in_rows(elements: Sequence[Any], shape: Sequence[int]) -> tuple[Any, ...]:
    """Return flat elements as one value, or one tuple, for each row; raise ValueError."""
    if len(elements) != prod(shape) or len(shape) not in (1, 2):
        raise ValueError(f"{len(elements)} elements are no tensor {list(shape)}")
    if len(shape) == 1:
        return tuple(elements)
    width = shape[1]
    return tuple(tuple(elements[row * width : (row + 1) * width]) for row in range(shape[0]))
