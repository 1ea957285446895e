"""Trains the example models and registers them in MLflow.

    python -m examples.train --tracking-uri http://127.0.0.1:5000 --which credit-risk:v1

Progress goes to stderr; stdout is one JSON list of the registered versions. A version that was
registered from the same recipe before is found by its tag and not made again.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from examples.recipes import RECIPES, TrainedModel

EXAMPLE_TAG = "tiffin.example"
EXPERIMENT = "tiffin-examples"
RUNTIME_PACKAGES = ("scikit-learn", "skops", "numpy", "pandas")


@dataclass(frozen=True, slots=True)
class Registered:
    """A version in the registry, and which recipe it is."""

    model: str
    recipe: str
    version: str
    created: bool


def main(arguments: Sequence[str] | None = None) -> int:
    """Train what was asked for, and print what is registered now."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--tracking-uri", required=True, help="URL of the MLflow server")
    parser.add_argument("--which", default="all", help="credit-risk:v1,... or all")
    asked = parser.parse_args(arguments)
    try:
        wanted = chosen(asked.which)
    except ValueError as error:
        parser.error(str(error))
    done = [asdict(version) for version in register(asked.tracking_uri, wanted)]
    print(json.dumps(done, indent=2))
    return 0


def chosen(which: str) -> list[tuple[str, str]]:
    """Return (model, recipe) pairs; raise ValueError for one that there is not."""
    every = [(model, recipe) for model, recipes in RECIPES.items() for recipe in recipes]
    if which == "all":
        return every
    pairs = []
    for name in which.split(","):
        model, _, recipe = name.strip().partition(":")
        if (model, recipe) not in every:
            known = ", ".join(f"{model}:{recipe}" for model, recipe in every)
            raise ValueError(f"there is no {name.strip()!r}; there are {known}")
        pairs.append((model, recipe))
    return pairs


def register(tracking_uri: str, wanted: Sequence[tuple[str, str]]) -> Iterator[Registered]:
    """Train and register each; one that is in the registry already is only looked up."""
    _say(f"importing MLflow for {tracking_uri}")
    with _quiet():
        import mlflow
    mlflow.set_tracking_uri(tracking_uri)
    mlflow.set_registry_uri(tracking_uri)
    mlflow.set_experiment(EXPERIMENT)
    for model, recipe in wanted:
        found = _find(model, recipe)
        if found is not None:
            _say(f"{model} {recipe}: already there as version {found}")
            yield Registered(model, recipe, found, created=False)
            continue
        began = time.perf_counter()
        trained = RECIPES[model][recipe]()
        with _quiet():
            version = _log(model, recipe, trained)
        figures = ", ".join(f"{name} {value:.4g}" for name, value in trained.metrics.items())
        _say(
            f"{model} {recipe}: version {version}, {figures} ({time.perf_counter() - began:.1f} s)"
        )
        yield Registered(model, recipe, version, created=True)


def _find(model: str, recipe: str) -> str | None:
    import mlflow

    wanted = f"name='{model}' and tag.`{EXAMPLE_TAG}`='{_tag(model, recipe)}'"
    versions = mlflow.MlflowClient().search_model_versions(wanted)
    return min((str(found.version) for found in versions), key=int, default=None)


def _log(model: str, recipe: str, trained: TrainedModel) -> str:
    import mlflow

    tag = {EXAMPLE_TAG: _tag(model, recipe)}
    with mlflow.start_run(run_name=f"{model} {recipe}", tags=tag):
        mlflow.log_metrics(trained.metrics)
        _log_evaluation(trained)
        logged = mlflow.sklearn.log_model(name="model", **model_options(trained))
        version = mlflow.register_model(logged.model_uri, model, tags=tag)
    return str(version.version)


def model_options(trained: TrainedModel) -> dict[str, Any]:
    """Return what MLflow's log_model and save_model have to be told about a model."""
    return {
        "sk_model": trained.estimator,
        "signature": _signature(trained),
        "input_example": trained.features.head(3),
        "pip_requirements": _requirements(),
        "serialization_format": "skops",
        "skops_trusted_types": _types_of(trained.estimator),
    }


def _tag(model: str, recipe: str) -> str:
    return f"{model}-{recipe}"


def _log_evaluation(trained: TrainedModel) -> None:
    import mlflow

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "data.csv"
        trained.evaluation.to_csv(file, index=False)
        mlflow.log_artifact(str(file), artifact_path="evaluation")


def _signature(trained: TrainedModel) -> Any:
    from mlflow.models import infer_signature

    return infer_signature(trained.features, trained.estimator.predict(trained.features.head(20)))


def _requirements() -> list[str]:
    """Name the packages outright; else MLflow starts a process to find out."""
    from importlib.metadata import version

    return [f"{package}=={version(package)}" for package in RUNTIME_PACKAGES]


def _types_of(estimator: Any) -> list[str]:
    """Return the types that skops must be told to trust; we just made them ourselves."""
    import skops.io

    return sorted(skops.io.get_untrusted_types(data=skops.io.dumps(estimator)))


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep MLflow's chatter off: stdout is JSON and stderr is progress; errors are exceptions."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "ERROR")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    with (
        Path(os.devnull).open("w") as nowhere,
        contextlib.redirect_stdout(nowhere),
        contextlib.redirect_stderr(nowhere),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        yield


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
