"""The file that a flavor names, and what is in it when it is pickled or in skops' format."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def named_file(flavor: Mapping[str, Any], key: str, artifact: Path) -> Path:
    """Return the file that `flavor` names under `key`; ValueError when it isn't there."""
    name = flavor.get(key)
    if not name or not (artifact / name).is_file():
        raise ValueError(f"{artifact} lacks the model's file ({key}: {name}); log the model again")
    return artifact / str(name)


def read_pickled(file: Path, flavor: Mapping[str, Any]) -> Any:
    """Load a file in the format that the flavor states; ValueError for one that we don't know."""
    form = flavor.get("serialization_format", "cloudpickle")
    if form == "skops":
        import skops.io

        return skops.io.load(file, trusted=flavor.get("skops_trusted_types") or [])
    if form in ("cloudpickle", "pickle"):
        with file.open("rb") as stream:
            return pickle.load(stream)
    raise ValueError(f"{file.name} is in the format {form!r}; log it as skops or cloudpickle")
