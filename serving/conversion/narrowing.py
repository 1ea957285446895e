"""A compiled model's graph in fewer bits: float32, float16 or int8 instead of float64.

A request, not a decision: what comes out is kept only if it agrees with the original. float16 is
ONNX Runtime's own conversion. int8 is for the weights of products, each column with its scale;
ONNX Runtime multiplies them as bytes where it can, and rounds each row for that by itself. Its
dynamic quantization would round all rows of a batch by one scale, so that one caller's huge number
changes another caller's answer. Trees are never narrowed: a threshold that is rounded sends rows
another way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from serving.conversion.untranslatable import UntranslatableError

_MOST_OF_A_BYTE = 127


class Precision(StrEnum):
    """What a graph computes in."""

    FLOAT64 = "float64"
    FLOAT32 = "float32"
    FLOAT16 = "float16"
    INT8 = "int8"


def narrowed(graph: bytes, precision: Precision) -> bytes:
    """Return the graph in fewer bits; UntranslatableError for one that can't be.

    It reads and answers what it did before. The same graph gives the same bytes.
    """
    model = onnx.load_from_string(graph)
    if any(node.op_type.startswith("TreeEnsemble") for node in model.graph.node):
        raise UntranslatableError("trees are not narrowed")
    if any(_has_subgraph(node) for node in model.graph.node):
        raise UntranslatableError("graphs within the graph are not narrowed")
    _to_single(model.graph)
    if precision is Precision.FLOAT16:
        model = _halved(model)
    elif precision is Precision.INT8:
        _with_bytes_as_weights(model.graph)
    return bytes(model.SerializeToString(deterministic=True))


def _has_subgraph(node: Any) -> bool:
    return any(each.type == onnx.AttributeProto.GRAPH for each in node.attribute)


# float32


def _to_single(graph: Any) -> None:
    """Compute in float32 whatever is computed in float64, between the inputs and the outputs."""
    del graph.value_info[:]
    for weight in graph.initializer:
        _single(weight)
    for node in graph.node:
        for attribute in node.attribute:
            _single_attribute(attribute)
    inputs, outputs = _doubles(graph.input), _doubles(graph.output)
    _rename(graph.node, {name: f"{name}_single" for name in [*inputs, *outputs]})
    before = [_cast(name, f"{name}_single", TensorProto.FLOAT) for name in inputs]
    after = [_cast(f"{name}_single", name, TensorProto.DOUBLE) for name in outputs]
    nodes = [*before, *graph.node, *after]
    del graph.node[:]
    graph.node.extend(nodes)


def _single(tensor: Any) -> None:
    if tensor.data_type == TensorProto.DOUBLE:
        with np.errstate(over="ignore"):  # what is beyond float32 becomes infinite
            numbers = numpy_helper.to_array(tensor).astype(np.float32)
        tensor.CopyFrom(numpy_helper.from_array(numbers, tensor.name))


def _single_attribute(attribute: Any) -> None:
    if attribute.type == onnx.AttributeProto.TENSOR:
        _single(attribute.t)
    elif attribute.name in ("to", "dtype") and attribute.i == TensorProto.DOUBLE:
        attribute.i = TensorProto.FLOAT


def _doubles(values: Sequence[Any]) -> list[str]:
    return [
        value.name for value in values if value.type.tensor_type.elem_type == TensorProto.DOUBLE
    ]


def _rename(nodes: Sequence[Any], names: Mapping[str, str]) -> None:
    for node in nodes:
        for place in (node.input, node.output):
            place[:] = [names.get(value, value) for value in place]


def _cast(value: str, name: str, to: int) -> Any:
    return helper.make_node("Cast", [value], [name], name=name, to=to)


# float16


def _halved(model: Any) -> Any:
    from onnxruntime.transformers.float16 import convert_float_to_float16

    return convert_float_to_float16(model, keep_io_types=True)


# int8


def _with_bytes_as_weights(graph: Any) -> None:
    """Keep the weights of products as bytes, with a scale for each column of the product."""
    weights = {weight.name: weight for weight in graph.initializer}
    products = {
        node.input[1]: _column_axis(node)
        for node in graph.node
        if node.op_type in ("Gemm", "MatMul") and _is_matrix(weights.get(node.input[1]))
    }
    if not products:
        raise UntranslatableError("it has no products with constant weights")
    nodes = [_quantized(graph, weights[name], axis) for name, axis in products.items()]
    nodes += graph.node
    del graph.node[:]
    graph.node.extend(nodes)


def _is_matrix(weight: Any) -> bool:
    return weight is not None and weight.data_type == TensorProto.FLOAT and len(weight.dims) == 2


def _column_axis(node: Any) -> int:
    transposed = any(each.name == "transB" and each.i for each in node.attribute)
    return 0 if transposed else 1


def _quantized(graph: Any, weight: Any, axis: int) -> Any:
    """Put bytes in the place of a weight; return the node that makes the numbers of them."""
    name, numbers = weight.name, numpy_helper.to_array(weight)
    largest = np.abs(numbers).max(axis=1 - axis)
    scales = np.where(largest > 0, largest / _MOST_OF_A_BYTE, 1).astype(np.float32)
    rounded = np.rint(numbers / np.expand_dims(scales, 1 - axis)).astype(np.int8)
    weight.CopyFrom(numpy_helper.from_array(rounded, f"{name}_bytes"))
    graph.initializer.append(numpy_helper.from_array(scales, f"{name}_scales"))
    read = [f"{name}_bytes", f"{name}_scales"]
    return helper.make_node("DequantizeLinear", read, [name], name=f"{name}_numbers", axis=axis)
