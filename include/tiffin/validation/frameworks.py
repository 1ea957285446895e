"""Does the runtime have what the model was trained with?"""

from __future__ import annotations

import importlib.metadata
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from tiffin.validation.check import CheckResult, failed, passed
from tiffin.validation.description import Description

NAME = "frameworks"

SAME_MINOR = frozenset(
    ["econml", "lightgbm", "onnxruntime", "scikit-learn", "skops", "xgboost", "numpy", "pandas"]
)
"""Their minor versions change what a saved model means; of other packages any version will do."""

_NOT_NEEDED = frozenset({"mlflow", "mlflow-skinny", "onnx"})
"""To log a model, not to serve it: an ONNX model is read by onnxruntime."""
_SAME = {"xgboost-cpu": "xgboost", "onnxruntime-gpu": "onnxruntime"}
"""Packages that hold the same modules as another one, for other machines."""
_FLAVOR_VERSIONS = {
    "sklearn": ("sklearn_version", "scikit-learn"),
    "xgboost": ("xgb_version", "xgboost"),
    "lightgbm": ("lgb_version", "lightgbm"),
}
_REQUIREMENT = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?\s*(?:==\s*([^\s;,]+))?")


def installed_versions() -> Mapping[str, str]:
    """Return what this Python has installed, by normalised name: the runtime of local services."""
    return {
        normal_name(found.name): found.version
        for found in importlib.metadata.distributions()
        if found.name
    }


def check_frameworks(
    artifact: Path, description: Description, runtime: Mapping[str, str]
) -> CheckResult:
    """Compare MLmodel's and requirements.txt's versions with the runtime's."""
    has = {_SAME.get(name, name): version for name, version in runtime.items()} | dict(runtime)
    wanted = dict(_required(artifact / "requirements.txt")) | dict(_by_flavor(description))
    problems = tuple(
        problem
        for name, version in sorted(wanted.items())
        if (problem := _problem(name, version, has))
    )
    if problems:
        return failed(NAME, problems[0], problems)
    said = ", ".join(f"{name} {version}" for name, version in sorted(wanted.items()) if version)
    return passed(NAME, f"the runtime has what the model was trained with: {said or 'nothing'}")


def normal_name(name: str) -> str:
    """Return a package's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _required(file: Path) -> Iterator[tuple[str, str]]:
    lines = file.read_text(encoding="utf-8", errors="replace").splitlines() if file.exists() else []
    for line in (line.split("#")[0].strip() for line in lines):
        match = _REQUIREMENT.match(line)
        if match and normal_name(match[1]) not in _NOT_NEEDED:
            name = normal_name(match[1])
            yield _SAME.get(name, name), match[2] or ""


def _by_flavor(description: Description) -> Iterator[tuple[str, str]]:
    for flavor, (key, package) in _FLAVOR_VERSIONS.items():
        version = description.flavors.get(flavor, {}).get(key)
        if version:
            yield package, str(version)


def _problem(name: str, version: str, runtime: Mapping[str, str]) -> str | None:
    pin = f"{name}=={version}" if version else name
    has = runtime.get(name)
    if has is None:
        return f"the model needs {pin}, which the runtime lacks; pip install {pin}"
    if version and name in SAME_MINOR and _minor(has) != _minor(version):
        return (
            f"the model was trained with {name} {version}, the runtime has {has}; train it again "
            f"with {has}, or pip install {pin}"
        )
    return None


def _minor(version: str) -> list[str]:
    return version.split(".")[:2]
