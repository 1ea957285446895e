"""What every engine promises."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from serving.runtime.rows import Rows

Outputs = dict[str, np.ndarray]
"""By name, each with one entry per row, C-contiguous.

classification: `predictions` (labels; numbers, or texts as objects) and, where the model knows
them, `probabilities` (rows, classes). regression: `predictions` and, where known, `intervals`
(rows, 2). causal: `predictions` (the effects) and, where known, `intervals` (rows, 2).
"""


class Engine(Protocol):
    """A model that answers rows. Pure, so a batch may be computed twice or thrown away."""

    @property
    def name(self) -> str:
        """How metrics and /model_info call it: `native`, `onnxruntime`."""
        ...

    @property
    def classes(self) -> list[object] | None:
        """The labels of a classifier, in the order of its probabilities."""
        ...

    @property
    def output_names(self) -> tuple[str, ...]:
        """What each answer has, in this order."""
        ...

    def outputs(self, rows: Rows) -> Outputs:
        """Answer all rows; may be called from any thread, by one at a time.

        Whatever the model raises passes through. What isn't finite is the caller's to refuse.
        """
        ...
