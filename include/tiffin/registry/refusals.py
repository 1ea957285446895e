"""What a registry says when it is asked for something that does not exist, in one voice."""

from __future__ import annotations

from collections.abc import Sequence

from tiffin.errors import RefusedError

_LISTED = 10


def unknown_model(model: str) -> RefusedError:
    """The registry has no such registered model."""
    return RefusedError(
        f"there is no registered model {model!r}; register it, or correct the service's `model`",
        code="unknown-model",
    )


def unknown_version(model: str, version: str, known: Sequence[str] = ()) -> RefusedError:
    """The registered model has no such version; `known` are those that it has, newest first."""
    choice = said_versions(known) if known else "choose one that the registry lists"
    return RefusedError(
        f"model {model!r} has no version {version!r}; {choice}",
        code="unknown-version",
    )


def said_versions(known: Sequence[str]) -> str:
    """Say which versions there are to choose from: the newest ten."""
    if not known:
        return "the registry lists none; register one"
    older = " and older ones" if len(known) > _LISTED else ""
    return f"there are {', '.join(known[:_LISTED])}{older}"


def unknown_run(run: str) -> RefusedError:
    """The registry has no such run."""
    return RefusedError(
        f"there is no run {run!r}; it may have been deleted, start the release again",
        code="unknown-run",
    )


def unknown_experiment(name: str) -> RefusedError:
    """The registry has no such experiment."""
    return RefusedError(
        f"there is no experiment {name!r}; it may have been deleted, restore it in MLflow",
        code="unknown-experiment",
    )


def artifact_missing(model: str, version: str) -> RefusedError:
    """The version exists, its files don't."""
    return RefusedError(
        f"version {version} of {model!r} has no model files where its source points; "
        "log the model again and register a new version",
        code="artifact-missing",
    )


def no_evaluation_data(model: str, version: str) -> RefusedError:
    """The run that made the version left no evaluation data."""
    return RefusedError(
        f"version {version} of {model!r} has no evaluation data; log the CSV file as the artifact "
        "evaluation/data.csv of its run and register a new version",
        code="no-evaluation-data",
    )


def no_run(model: str, version: str) -> RefusedError:
    """The version was registered without a run, so nothing is known of its training."""
    return RefusedError(
        f"version {version} of {model!r} belongs to no run, so it has neither metrics nor "
        "evaluation data; register it from the run that trained it",
        code="no-run",
    )
