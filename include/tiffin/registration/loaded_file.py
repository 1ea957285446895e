"""A model in memory, whatever framework it is of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from tiffin.registration.columns import Reads
from tiffin.services.spec import Kind

Save = Callable[[Path, Mapping[str, Any]], None]
"""Writes an MLflow model; takes the folder, and what every `save_model` of MLflow's takes."""

_DISTRIBUTIONS = {"xgboost": ("xgboost", "xgboost-cpu")}


@dataclass(frozen=True)
class LoadedFile:
    """The model, what it says of itself, and how it is saved as an MLflow model."""

    estimator: Any
    framework: str
    """The package's name, as requirements have it."""
    reads: Reads
    kind: Kind | None
    """None where the model itself does not tell."""
    save: Save
    note: str = ""

    @property
    def requirement(self) -> str:
        """The framework with its version: `scikit-learn==1.9.1`."""
        return f"{self.framework}=={installed(self.framework)}"


def installed(package: str) -> str:
    """Return the version of a package; some packages hold the modules of another."""
    for name in _DISTRIBUTIONS.get(package, (package,)):
        try:
            return version(name)
        except PackageNotFoundError:
            continue
    raise PackageNotFoundError(package)
