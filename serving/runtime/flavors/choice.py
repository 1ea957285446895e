"""Chooses the flavor that an artifact is loaded by."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from serving.runtime.flavors import lightgbm, onnx, python_function, pytorch, sklearn, xgboost

_LOADERS: Mapping[str, Callable[[Mapping[str, Any], Path], Any]] = {
    "sklearn": sklearn.load_estimator,
    "xgboost": xgboost.load_estimator,
    "lightgbm": lightgbm.load_estimator,
    "onnx": onnx.load_estimator,
    "pytorch": pytorch.load_estimator,
    "python_function": python_function.load_estimator,
}
"""In the order of preference: nearly every artifact has `python_function` besides its own."""


def load_estimator(description: Mapping[str, Any], artifact: Path) -> Any:
    """Return the model below `artifact`, of which MLmodel says `description`; it has `predict`.

    Raises ValueError with one sentence where no flavor can be loaded.
    """
    flavors = description.get("flavors") or {}
    for name, load in _LOADERS.items():
        if name in flavors:
            return load(description, artifact)
    raise ValueError(
        f"{artifact / 'MLmodel'} has none of the flavors {', '.join(_LOADERS)}; log the model "
        "with one of them"
    )
