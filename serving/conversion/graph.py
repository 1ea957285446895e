"""Writes an ONNX graph, node by node. Names are counted, so the same calls give the same bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from serving.conversion.untranslatable import UntranslatableError

ML = "ai.onnx.ml"
OPSET = 21
_IR_VERSION = 10

NUMPY_TYPES = {
    "float64": TensorProto.DOUBLE,
    "float32": TensorProto.FLOAT,
    "int64": TensorProto.INT64,
    "bool": TensorProto.BOOL,
    "object": TensorProto.STRING,
}
"""ONNX's types by numpy's names."""


@dataclass(frozen=True)
class Matrix:
    """A table of float64 in the graph, and where its columns lie in the graph's value.

    Columns that are reordered or dropped stay where they are: what reads them is told, which
    costs a request nothing.
    """

    name: str
    width: int
    """Columns of the graph's value."""
    places: np.ndarray
    """For each column of the table, its place in the graph's value."""
    sparse: bool = False
    """Whether scikit-learn holds it sparse, which scalers compute differently."""

    @classmethod
    def whole(cls, name: str, width: int) -> Matrix:
        """Return a value as a table with all its columns, in their order."""
        return cls(name, width, np.arange(width))

    def chosen(self, columns: np.ndarray) -> Matrix:
        """Return these columns of the table, in this order."""
        return replace(self, places=self.places[columns])

    def placed(self, numbers: np.ndarray, elsewhere: float) -> np.ndarray:
        """Lay out what belongs to each column (along axis 0) as the value's columns lie."""
        laid = np.full((self.width, *np.shape(numbers)[1:]), elsewhere)
        laid[self.places] = numbers
        return laid


class Graph:
    """A graph under construction; values are known by their names."""

    def __init__(self, opset: int = OPSET) -> None:
        self._inputs: list[Any] = []
        self._nodes: list[Any] = []
        self._constants: list[Any] = []
        self._domains = {"": opset}
        self._count = 0

    def input(self, name: str, dtype: str, width: int) -> str:
        """Add an input of shape (rows, width)."""
        self._inputs.append(helper.make_tensor_value_info(name, NUMPY_TYPES[dtype], [None, width]))
        return name

    def constant(self, values: Any, dtype: str = "float64") -> str:
        """Add a constant and return its name."""
        name = self._new_name()
        array = np.ascontiguousarray(values, dtype=dtype)
        self._constants.append(numpy_helper.from_array(array, name))
        return name

    def add(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """Add a node with one output, and return the output's name."""
        (name,) = self.add_many(operator, inputs, 1, **attributes)
        return name

    def in_order(self, matrix: Matrix) -> str:
        """Return the table as a value with its columns only, in their order."""
        if np.array_equal(matrix.places, np.arange(matrix.width)):
            return matrix.name
        return self.add("Gather", matrix.name, self.constant(matrix.places, "int64"), axis=1)

    def add_many(
        self,
        operator: str,
        inputs: Sequence[str],
        outputs: int,
        domain: str = "",
        **attributes: Any,
    ) -> tuple[str, ...]:
        """Add a node with several outputs, and return their names."""
        names = tuple(self._new_name() for _ in range(outputs))
        node = helper.make_node(operator, list(inputs), list(names), domain=domain, **attributes)
        self._nodes.append(node)
        return names

    def cast(self, value: str, dtype: str) -> str:
        """Add a cast to one of numpy's types."""
        return self.add("Cast", value, to=NUMPY_TYPES[dtype])

    def need(self, domain: str, version: int) -> None:
        """State which version of a domain's operators is used; a graph can have only one."""
        if self._domains.setdefault(domain, version) != version:
            raise UntranslatableError(f"the model needs two versions of the operators of {domain}")

    def embed(
        self, model: Any, feeds: Sequence[str], versions: Mapping[str, int]
    ) -> tuple[str, ...]:
        """Add all of another model, its inputs fed with our values; return its outputs.

        `versions` are those that the model was written for; it states older ones where its
        operators haven't changed since.
        """
        for used in model.opset_import:
            self.need(used.domain, versions.get(used.domain, used.version))
        own = onnx.compose.add_prefix(model, f"{self._new_name()}_")
        for value, read in zip(feeds, own.graph.input, strict=True):
            self._nodes.append(helper.make_node("Identity", [value], [read.name]))
        self._nodes.extend(own.graph.node)
        self._constants.extend(own.graph.initializer)
        return tuple(output.name for output in own.graph.output)

    def finished(self, outputs: Mapping[str, str]) -> bytes:
        """Return the model whose outputs, by their public names, are these values."""
        renamed = {value: name for name, value in outputs.items()}
        graph = helper.make_graph(
            [_renamed(node, renamed) for node in self._nodes],
            "tiffin",
            self._inputs,
            [_output(name) for name in outputs],
            self._constants,
        )
        opsets = [helper.make_opsetid(name, version) for name, version in self._domains.items()]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=_IR_VERSION)
        return bytes(model.SerializeToString(deterministic=True))

    def _new_name(self) -> str:
        self._count += 1
        return f"v{self._count}"


def _output(name: str) -> Any:
    kind = TensorProto.INT64 if name == "index" else TensorProto.DOUBLE
    return helper.make_tensor_value_info(name, kind, None)


def _renamed(node: Any, names: Mapping[str, str]) -> Any:
    copy = onnx.NodeProto()
    copy.CopyFrom(node)
    for place in (copy.input, copy.output):
        place[:] = [names.get(value, value) for value in place]
    return copy
