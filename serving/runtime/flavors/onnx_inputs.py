"""Rows as the tensors that an ONNX graph reads: one matrix, or one tensor for each column."""

from __future__ import annotations

from typing import Any

import numpy as np

from serving.runtime.flavors.onnx_models import Feed, TableOf
from serving.runtime.rows import Rows
from serving.runtime.signature import InputSignature

_DTYPES = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
    "tensor(bool)": np.bool_,
    "tensor(string)": np.object_,
}
_NUMBERS = frozenset({"tensor(float)", "tensor(double)"})


def feeder(inputs: list[Any], signature: InputSignature) -> TableOf:
    """Return what makes the tensors; ValueError for inputs that the signature does not fill."""
    unknown = sorted({each.type for each in inputs} - set(_DTYPES))
    if unknown:
        raise ValueError(f"the ONNX model reads {', '.join(unknown)}, which no table has")
    if len(inputs) == 1:
        return _one_matrix(inputs[0], len(signature.columns))
    missing = [each.name for each in inputs if each.name not in signature.names]
    if missing:
        raise ValueError(
            f"the ONNX model reads {', '.join(missing)}, which the signature lacks; log it with "
            "one column for each input"
        )
    return _one_tensor_per_column(inputs, signature.names)


def _one_matrix(only: Any, width: int) -> TableOf:
    wants = only.shape[-1]
    if len(only.shape) != 2 or (isinstance(wants, int) and wants != width):
        raise ValueError(f"the ONNX model reads {only.shape}, the signature has {width} columns")
    dtype = _DTYPES[only.type]
    if only.type in _NUMBERS:
        return lambda rows: {only.name: rows.matrix.astype(dtype)}
    return lambda rows: {only.name: np.array(rows.cells, dtype=dtype)}


def _one_tensor_per_column(inputs: list[Any], names: tuple[str, ...]) -> TableOf:
    reads = [
        (each.name, names.index(each.name), _DTYPES[each.type], [-1] + [1] * (len(each.shape) - 1))
        for each in inputs
    ]

    def table_of(rows: Rows) -> Feed:
        columns = rows.columns
        return {
            name: np.array(columns[place], dtype=dtype).reshape(shape)
            for name, place, dtype, shape in reads
        }

    return table_of
