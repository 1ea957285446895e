"""Reads the artifact of an MLflow scikit-learn model without importing MLflow.

MLflow takes seconds to import and a server needs only three facts of it: the signature, the
format of the model's file, and the input example. The artifact has been checked for safety
before a bento is built of it (`tiffin.validation`); here it is trusted.
"""

from __future__ import annotations

import json
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

from serving.runtime.signature import InputSignature, read_signature


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model ready to predict, and the columns it reads."""

    estimator: Any
    signature: InputSignature
    example: tuple[list[Any], ...]
    """Rows of the input example, in the signature's order; empty when there is none."""


def load_model(artifact: Path) -> LoadedModel:
    """Load the model below `artifact`; reads only, so it may run twice.

    Raises ValueError with one sentence when the artifact is no scikit-learn model with a
    signature.
    """
    description = _read_description(artifact)
    signature = _read_signature(description, artifact)
    example = _read_example(description, artifact, signature)
    return LoadedModel(_read_estimator(description, artifact), signature, example)


def _read_description(artifact: Path) -> Mapping[str, Any]:
    file = artifact / "MLmodel"
    if not file.is_file():
        raise ValueError(f"{artifact} has no MLmodel file; log the model with MLflow")
    description = yaml.safe_load(file.read_text(encoding="utf-8"))
    if "sklearn" not in description.get("flavors", {}):
        raise ValueError(f"{file} has no sklearn flavor; only scikit-learn models can be loaded")
    return dict(description)


def _read_signature(description: Mapping[str, Any], artifact: Path) -> InputSignature:
    inputs = (description.get("signature") or {}).get("inputs")
    if not inputs:
        raise ValueError(f"{artifact / 'MLmodel'} has no signature; log the model with one")
    return read_signature(inputs)


def _read_estimator(description: Mapping[str, Any], artifact: Path) -> Any:
    flavor = description["flavors"]["sklearn"]
    file = artifact / flavor["pickled_model"]
    form = flavor.get("serialization_format", "cloudpickle")
    if form == "skops":
        import skops.io

        return skops.io.load(file, trusted=flavor.get("skops_trusted_types") or [])
    if form in ("cloudpickle", "pickle"):
        with file.open("rb") as stream:
            return pickle.load(stream)
    raise ValueError(f"{file.name} is in the format {form!r}; log it as skops or cloudpickle")


def _read_example(
    description: Mapping[str, Any], artifact: Path, signature: InputSignature
) -> tuple[list[Any], ...]:
    info = description.get("saved_input_example_info")
    if not info:
        return ()
    saved = json.loads((artifact / info["artifact_path"]).read_text(encoding="utf-8"))
    rows = saved.get("data", saved.get("inputs")) if isinstance(saved, dict) else saved
    return tuple(signature.checked_rows(rows, "input_example"))
