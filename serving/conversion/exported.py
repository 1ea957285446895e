"""Networks and other graphs that were logged as ONNX: kept as they are, and asked as we ask ours.

So they get what compiled models get: the device, the threads and the precision that were asked
for. Only graphs that read one matrix and answer numbers; labels stay with the native engine.
"""

from __future__ import annotations

from typing import Any

import onnx

from serving.conversion.graph import OPSET, Graph
from serving.conversion.labels import Labels, largest
from serving.conversion.untranslatable import UntranslatableError
from serving.runtime.engines.encoder import INPUT
from serving.runtime.flavors.onnx_models import OnnxModel, OnnxProbabilities

_READABLE = {onnx.TensorProto.FLOAT: "float32", onnx.TensorProto.DOUBLE: "float64"}


def add_exported(model: OnnxModel, width: int) -> tuple[Graph, dict[str, str]]:
    """Return a graph around the one that was logged, which reads `width` columns.

    Raises UntranslatableError for one that reads or answers something else than numbers.
    """
    if type(model) not in (OnnxModel, OnnxProbabilities):
        raise UntranslatableError("the ONNX model has labels, and is answered as it is")
    logged = _with_one_input_and_output(onnx.load(str(model.file)), model.output)
    graph = Graph(_opset_of(logged))
    feed = graph.cast(graph.input(INPUT, "float64", width), _dtype_read_by(logged))
    (found,) = graph.embed(logged, [feed], {})
    numbers = graph.cast(found, "float64")
    if isinstance(model, OnnxProbabilities):
        return graph, Labels(largest(graph, numbers), numbers).outputs()
    flat = graph.add("Reshape", numbers, graph.constant([-1, 1], "int64"))
    return graph, {"predictions": flat}


def _with_one_input_and_output(logged: Any, output: str) -> Any:
    """Drop the other outputs, and the weights that old exports list among the inputs."""
    weights = {weight.name for weight in logged.graph.initializer}
    inputs = [each for each in logged.graph.input if each.name not in weights]
    outputs = [each for each in logged.graph.output if each.name == output]
    for listed, kept in ((logged.graph.input, inputs), (logged.graph.output, outputs)):
        del listed[:]
        listed.extend(kept)
    return logged


def _dtype_read_by(logged: Any) -> str:
    kinds = [each.type.tensor_type.elem_type for each in logged.graph.input]
    if len(kinds) != 1 or kinds[0] not in _READABLE:
        raise UntranslatableError("the ONNX model reads something else than one matrix of numbers")
    return _READABLE[kinds[0]]


def _opset_of(logged: Any) -> int:
    return next((used.version for used in logged.opset_import if not used.domain), OPSET)
