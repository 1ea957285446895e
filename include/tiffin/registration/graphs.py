"""ONNX graphs: what they read, and what they answer with."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tiffin.registration.columns import Reads
from tiffin.registration.loaded_file import LoadedFile
from tiffin.registration.refusals import bad_file
from tiffin.services.spec import Kind


def load_onnx(name: str, file: Path) -> LoadedFile:
    """Load an ONNX file; RefusedError `bad-model-file` for one that is not whole."""
    import onnx

    return of_onnx(name, onnx.load(str(file), load_external_data=False))


def of_onnx(name: str, model: Any) -> LoadedFile:
    """Return a graph in memory; RefusedError as above."""
    import onnx

    if not model.graph.node:
        raise bad_file(f"{name} is no ONNX model, or one without a graph; export it again")
    external = onnx.TensorProto.EXTERNAL
    if any(weights.data_location == external for weights in model.graph.initializer):
        raise bad_file(
            f"{name} keeps its weights in another file; save it whole, with "
            "onnx.save(model, file, save_as_external_data=False)"
        )

    def save(folder: Path, options: Mapping[str, Any]) -> None:
        import mlflow.onnx

        mlflow.onnx.save_model(model, str(folder), **options)

    return LoadedFile(model, "onnxruntime", _reads_of_graph(model), _kind_of_graph(model), save)


def _reads_of_graph(model: Any) -> Reads:
    weights = {tensor.name for tensor in model.graph.initializer}
    inputs = [each for each in model.graph.input if each.name not in weights]
    if len(inputs) != 1:
        return Reads(names=tuple(each.name for each in inputs))
    width = _last_dimension(inputs[0].type.tensor_type.shape.dim)
    return Reads(width=width or None)


def _kind_of_graph(model: Any) -> Kind:
    """Labels, or a probability for each of several classes, or else numbers."""
    import onnx

    labels = {onnx.TensorProto.INT64, onnx.TensorProto.STRING}
    types = [each.type.tensor_type for each in model.graph.output]
    is_labels = any(each.elem_type in labels for each in types)
    is_wide = len(types) == 1 and len(types[0].shape.dim) == 2
    if is_labels or (is_wide and _last_dimension(types[0].shape.dim) > 1):
        return Kind.CLASSIFICATION
    return Kind.REGRESSION


def _last_dimension(dimensions: Any) -> int:
    return int(dimensions[-1].dim_value) if len(dimensions) == 2 else 0
