"""What is done with the outputs of any engine: checked, cut apart and put together again."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from serving.runtime.engines.engine import Outputs
from serving.runtime.errors import ModelAnswerError
from serving.runtime.finite import are_finite


def checked_outputs(outputs: Outputs, count: int) -> Outputs:
    """Return the outputs of `count` rows; ModelAnswerError when they can't be sent."""
    for name, values in outputs.items():
        if len(values) != count:
            raise ModelAnswerError(f"{count} rows gave {len(values)} {name}")
        if values.dtype.kind == "f" and not are_finite(values):
            raise ModelAnswerError(f"the model's {name} are not all finite numbers")
    return outputs


def split_outputs(outputs: Outputs, counts: Sequence[int]) -> list[Outputs]:
    """Return the outputs of requests with so many rows each."""
    parts, start = [], 0
    for count in counts:
        stop = start + count
        parts.append({name: values[start:stop] for name, values in outputs.items()})
        start = stop
    return parts


def merged_outputs(parts: Sequence[Outputs]) -> Outputs:
    """Return the outputs of one request that was computed in parts."""
    if len(parts) == 1:
        return parts[0]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
