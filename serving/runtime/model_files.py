"""Reads the artifact of a model that MLflow saved, without importing MLflow.

MLflow takes seconds to import and a server needs only three facts of it: the signature, how
the model was saved (`flavors`), and the input example. The artifact has been checked for safety
before a bento is built of it (`tiffin.validation`); here it is trusted.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

from serving.runtime.engines.compiled import read_report
from serving.runtime.flavors.choice import load_estimator
from serving.runtime.rows import Rows
from serving.runtime.signature import InputSignature, read_signature


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What an artifact says about its model, without loading it."""

    signature: InputSignature
    example: Rows | None = None
    """The input example that was logged with the model."""
    inference: Mapping[str, Any] | None = None
    """The report on compiling it; None where nobody tried."""


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model ready to predict, and what its artifact says about it."""

    estimator: Any
    signature: InputSignature
    example: Rows | None = None


def read_facts(artifact: Path) -> ModelFacts:
    """Read the signature and the input example below `artifact`, in a millisecond or two.

    Raises ValueError with one sentence when there is no signature that a table can have.
    """
    description = _read_description(artifact)
    signature = _read_signature(description, artifact)
    example = _read_example(description, artifact, signature)
    return ModelFacts(signature, example, read_report(artifact))


def load_model(artifact: Path) -> LoadedModel:
    """Load the model below `artifact`; reads only, so it may run twice.

    Raises ValueError with one sentence when the artifact is no model that we know, with a
    signature.
    """
    description = _read_description(artifact)
    facts = read_facts(artifact)
    return LoadedModel(load_estimator(description, artifact), facts.signature, facts.example)


def _read_description(artifact: Path) -> Mapping[str, Any]:
    file = artifact / "MLmodel"
    if not file.is_file():
        raise ValueError(f"{artifact} has no MLmodel file; log the model with MLflow")
    return dict(yaml.safe_load(file.read_text(encoding="utf-8")))


def _read_signature(description: Mapping[str, Any], artifact: Path) -> InputSignature:
    inputs = (description.get("signature") or {}).get("inputs")
    if not inputs:
        raise ValueError(f"{artifact / 'MLmodel'} has no signature; log the model with one")
    return read_signature(inputs)


def _read_example(
    description: Mapping[str, Any], artifact: Path, signature: InputSignature
) -> Rows | None:
    info = description.get("saved_input_example_info")
    if not info:
        return None
    saved = json.loads((artifact / info["artifact_path"]).read_text(encoding="utf-8"))
    rows = saved.get("data", saved.get("inputs")) if isinstance(saved, dict) else saved
    return signature.checked(rows, "input_example")
