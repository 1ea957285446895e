"""Reads an artifact's MLmodel file: as text only, nothing of the model is loaded."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

_LARGEST_MLMODEL = 10 << 20
_FILE_KEYS = ("pickled_model", "model_path", "data", "python_model")
_LOADERS = (getattr(yaml, "CSafeLoader", yaml.SafeLoader), yaml.SafeLoader)
"""What MLflow and the model servers read it with: what is checked must be what they load."""
_ODD_LINE_ENDS = ("\x85", "\u2028", "\u2029", "\ufeff")
"""YAML's versions disagree whether a line ends there."""
_LIGHTGBM_TEXT = "lightgbm.basic.Booster"


class BadDescriptionError(ValueError):
    """The MLmodel file says too little, or nonsense; the message is one sentence."""


@dataclass(frozen=True, slots=True)
class Description:
    """What the MLmodel file says. `inputs` are the column names, or None for a plain array."""

    flavors: Mapping[str, Mapping[str, Any]]
    inputs: tuple[str, ...] | None
    width: int
    example: str | None

    @property
    def named_files(self) -> Iterator[str]:
        """The files that the description names, relative to the artifact."""
        if self.example:
            yield self.example
        for flavor in self.flavors.values():
            environments = flavor.get("env")
            named = [flavor.get(key) for key in _FILE_KEYS]
            named += environments.values() if isinstance(environments, dict) else [environments]
            yield from (name for name in named if isinstance(name, str) and name)

    @property
    def pickles(self) -> frozenset[str]:
        """The files that a server or MLflow would unpickle, whatever their names look like."""
        flavors = self.flavors.values()
        functions = {
            _tidy(flavor["python_model"]) for flavor in flavors if "python_model" in flavor
        }
        return frozenset(functions | {name for name, form in self._estimators if form != "skops"})

    @property
    def skops_files(self) -> frozenset[str]:
        """The files that would be loaded by skops, which are archives."""
        return frozenset(name for name, form in self._estimators if form == "skops")

    @property
    def _estimators(self) -> Iterator[tuple[str, object]]:
        """Yield the files of estimators that were serialised, and in which format."""
        for name, flavor in self.flavors.items():
            form = flavor.get("serialization_format")
            if "pickled_model" in flavor:
                yield _tidy(flavor["pickled_model"]), form
            if name == "lightgbm" and flavor.get("model_class", _LIGHTGBM_TEXT) != _LIGHTGBM_TEXT:
                yield _tidy(flavor.get("data")), form


def _tidy(name: object) -> str:
    """Return a file's name as a walk through the artifact finds it, without `./` and `a/../`."""
    return posixpath.normpath(str(name))


def read_description(artifact: Path) -> Description:
    """Return what MLmodel says; raise BadDescriptionError when a server could not go by it."""
    said = _read_yaml(artifact / "MLmodel")
    flavors = _flavors(said)
    inputs, width = _read_inputs(said.get("signature"))
    return Description(flavors, inputs, width, _read_example(said))


def read_flavors(artifact: Path) -> Mapping[str, Mapping[str, Any]]:
    """Return the flavors only; raise BadDescriptionError when there are none."""
    return _flavors(_read_yaml(artifact / "MLmodel"))


def _flavors(said: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    flavors = said.get("flavors")
    if not isinstance(flavors, dict) or not flavors:
        raise BadDescriptionError("MLmodel names no flavor; log the model with MLflow")
    if not all(isinstance(flavor, dict) for flavor in flavors.values()):
        raise BadDescriptionError("MLmodel has a flavor that is no mapping; log the model again")
    return flavors


def _read_yaml(file: Path) -> dict[str, Any]:
    if not file.is_file() or file.is_symlink():
        raise BadDescriptionError("the artifact has no MLmodel file; log the model with MLflow")
    if file.stat().st_size > _LARGEST_MLMODEL:
        raise BadDescriptionError("the MLmodel file is larger than 10 MiB; log the model again")
    try:
        text = file.read_text(encoding="utf-8")
        one, other = (_events(text, loader) for loader in _LOADERS)
        said = yaml.load(text, _LOADERS[0])
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        brief = " ".join(str(error).split())[:200]
        raise BadDescriptionError(f"MLmodel can't be read as YAML: {brief}") from error
    if one != other or any(end in text for end in _ODD_LINE_ENDS):
        raise BadDescriptionError(
            "MLmodel can be read in two ways, so what is checked may not be what is loaded; log "
            "the model again"
        )
    if not isinstance(said, dict):
        raise BadDescriptionError("MLmodel is no mapping; log the model again")
    return said


def _events(text: str, loader: Any) -> list[tuple[object, ...]]:
    """Return what a loader sees, one thing after the other: the values may refer to each other,
    and then to compare them could take for ever.
    """
    return [
        (type(event), *(getattr(event, what, None) for what in ("anchor", "tag", "value")))
        for event in yaml.parse(text, loader)
    ]


def _read_inputs(signature: object) -> tuple[tuple[str, ...] | None, int]:
    if not isinstance(signature, dict) or not signature.get("inputs"):
        raise BadDescriptionError(
            "the model has no signature; log it with mlflow.models.infer_signature"
        )
    try:
        specs = json.loads(signature["inputs"])
        if len(specs) == 1 and specs[0]["type"] == "tensor":
            return None, int(specs[0]["tensor-spec"]["shape"][-1])
        return tuple(str(spec["name"]) for spec in specs), len(specs)
    except (ValueError, TypeError, KeyError, IndexError) as error:
        raise BadDescriptionError(
            "the signature's inputs can't be read; log the model with named columns"
        ) from error


def _read_example(said: Mapping[str, Any]) -> str | None:
    info = said.get("saved_input_example_info")
    path = info.get("artifact_path") if isinstance(info, dict) else None
    return path if isinstance(path, str) else None
