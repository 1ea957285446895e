"""Answers rows with ONNX Runtime: the engine of models that were compiled.

It needs neither scikit-learn nor pandas, which is most of a server's start and memory.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime

from serving.runtime.engines.compiled import CompiledFiles, Plan
from serving.runtime.engines.encoder import encoder_of
from serving.runtime.engines.engine import Outputs
from serving.runtime.engines.providers import Provider
from serving.runtime.rows import Rows

_ERRORS_ONLY = 3
_CPU: tuple[Provider, ...] = (Provider("CPUExecutionProvider"),)
_PUBLIC = {"index": "predictions"}
"""A classifier's graph says where a label is among the classes; the engine, which label."""


class OnnxEngine:
    """One session. Its threads don't spin while they wait: other servers share the cores."""

    name = "onnxruntime"

    def __init__(
        self, artifact: Path, providers: tuple[Provider, ...] = _CPU, threads: int = 1
    ) -> None:
        files = CompiledFiles(artifact)
        plan = Plan.read(files.plan)
        self.classes: list[object] | None = None if plan.classes is None else list(plan.classes)
        self._labels = None if plan.classes is None else _labels(plan.classes)
        self._encoder = encoder_of(plan.encoding)
        self._outputs = plan.outputs
        self.output_names = tuple(_PUBLIC.get(name, name) for name in plan.outputs)
        self._session = onnxruntime.InferenceSession(
            files.graph,
            _options(threads),
            providers=[(provider.name, dict(provider.options)) for provider in providers],
        )

    def outputs(self, rows: Rows) -> Outputs:
        """Answer all rows. Raises ValueError for a text that the model's encoder refuses."""
        found = self._session.run(self._outputs, self._encoder.inputs(rows))
        outputs = dict(zip(self.output_names, found, strict=True))
        if self._labels is not None:
            outputs["predictions"] = self._labels.take(outputs["predictions"])
        return outputs


def _options(threads: int) -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = _ERRORS_ONLY
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options


def _labels(classes: tuple[object, ...]) -> np.ndarray:
    """Return the classes as an array that gives back what went in: texts stay Python's own."""
    texts = any(isinstance(label, str) for label in classes)
    return np.array(classes, dtype=object if texts else None)
