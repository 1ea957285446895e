"""What was logged with `mlflow.onnx`: a graph that ONNX Runtime answers with, as it is.

Its outputs are labels, probabilities or numbers, which are told apart by their types.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from serving.runtime.flavors.named_file import named_file
from serving.runtime.flavors.onnx_inputs import feeder
from serving.runtime.flavors.onnx_models import (
    OnnxClassifier,
    OnnxModel,
    OnnxProbabilities,
    TableOf,
)
from serving.runtime.signature import InputSignature, read_signature

_LABELS = frozenset({"tensor(int64)", "tensor(string)"})
_NUMBERS = frozenset({"tensor(float)", "tensor(double)"})
_ERRORS_ONLY = 3


def load_estimator(description: Mapping[str, Any], artifact: Path) -> OnnxModel:
    """Open the graph on the CPU; ValueError for inputs or outputs that no table has."""
    file = named_file(description["flavors"]["onnx"], "data", artifact)
    session = _session(file)
    signature = read_signature(description["signature"]["inputs"])
    model = _model(session, feeder(session.get_inputs(), signature), signature)
    model.file = file
    return model


def _session(file: Path) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = _ERRORS_ONLY
    return onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])


def _model(session: Any, table_of: TableOf, signature: InputSignature) -> OnnxModel:
    outputs = session.get_outputs()
    labels = next((each for each in outputs if each.type in _LABELS), None)
    numbers = next((each for each in outputs if each.type not in _LABELS), None)
    if labels is None and numbers is not None:
        return _without_labels(session, table_of, numbers)
    if labels is None:
        raise ValueError("the ONNX model has no output that is a label or a number")
    classes = _classes(session, table_of, signature, numbers, labels)
    if classes is None or numbers is None:
        return OnnxModel(session, table_of, labels.name)
    return OnnxClassifier(session, table_of, labels.name, numbers.name, classes)


def _without_labels(session: Any, table_of: TableOf, numbers: Any) -> OnnxModel:
    if numbers.type not in _NUMBERS:
        raise ValueError(f"the ONNX model answers {numbers.type}, which is no prediction")
    count = numbers.shape[1] if len(numbers.shape) == 2 else 1
    if isinstance(count, int) and count > 1:
        return OnnxProbabilities(session, table_of, numbers.name, count)
    return OnnxModel(session, table_of, numbers.name)


def _classes(
    session: Any,
    table_of: TableOf,
    signature: InputSignature,
    numbers: Any,
    labels: Any,
) -> list[Any] | None:
    """Return the classes of the probabilities; None where the graph does not tell.

    The keys of a ZipMap are in its answers only, so it is asked once. Without one, whole
    numbers are taken for 0, 1, 2, ... and each answer is held against that.
    """
    if numbers is None:
        return None
    first = session.run([numbers.name], table_of(signature.made_up_row))[0]
    if isinstance(first, list):
        return list(first[0])
    if labels.type == "tensor(int64)" and first.ndim == 2:
        return list(range(first.shape[1]))
    return None
