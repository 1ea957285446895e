"""An MLflow model folder: the network in it, or the whole of it with what it lacked."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tiffin.validation.description import BadDescriptionError, read_flavors

_EXAMPLE = "input_example.json"
_NETWORKS = ("model.pt2", "model.pth")


def network_in(folder: Path) -> Path | None:
    """Return the network that `mlflow.pytorch` saved into a folder; None for any other model."""
    try:
        flavor = read_flavors(folder).get("pytorch", {}) if folder.is_dir() else {}
    except BadDescriptionError:
        return None
    places = [folder / str(flavor.get("model_data")) / name for name in _NETWORKS]
    found = [place for place in places if flavor and place.is_file()]
    return found[0] if found and found[0].resolve().is_relative_to(folder.resolve()) else None


def complete_folder(folder: Path, into: Path, options: Mapping[str, Any]) -> None:
    """Copy the folder, and add of `signature` and `input_example` what is not there yet."""
    import mlflow.models

    shutil.copytree(folder, into)
    model = mlflow.models.Model.load(str(into))
    if model.signature is None:
        model.signature = options["signature"]
    if not model.saved_input_example_info:
        model.saved_input_example_info = _write_example(into, options["input_example"])
    model.save(str(into / "MLmodel"))


def _write_example(into: Path, rows: Any) -> dict[str, str]:
    """Write rows as MLflow's own `log_model` does."""
    if not hasattr(rows, "columns"):
        (into / _EXAMPLE).write_text(json.dumps({"inputs": rows.tolist()}), encoding="utf-8")
        return {"artifact_path": _EXAMPLE, "type": "ndarray", "format": "tf-serving"}
    split = rows.to_json(orient="split", index=False, double_precision=15)
    (into / _EXAMPLE).write_text(split, encoding="utf-8")
    return {"artifact_path": _EXAMPLE, "type": "dataframe", "pandas_orient": "split"}
