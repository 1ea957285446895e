"""The order of the checks: what may not be loaded never is, and one bad thing hides no other."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from tiffin.confined_process import Limits
from tiffin.registry.model_version import ModelVersion
from tiffin.services.spec import Kind, Service
from tiffin.validation import artifact as artifacts
from tiffin.validation import (
    evaluation_data,
    features,
    frameworks,
    metrics,
    predictions,
    safety,
)
from tiffin.validation.check import (
    Candidate,
    CheckResult,
    Outcome,
    ValidationReport,
    failed,
    skipped,
)
from tiffin.validation.description import BadDescriptionError, Description, read_description
from tiffin.validation.evaluation_data import BadTableError, read_table
from tiffin.validation.predictions import PredictionError


def validate(
    service: Service,
    version: ModelVersion,
    artifact: Path,
    evaluation_data: Path,
    metrics: Mapping[str, float],
    champion_metrics: Mapping[str, float] | None,
    runtime: Mapping[str, str],
    expectations_folder: Path,
    *,
    predictions_file: Path | None = None,
) -> ValidationReport:
    """Check a model version; never raises for a bad one, its report says what is wrong.

    Reads its inputs and writes only `predictions_file` (the model's answers, with golden requests
    for the smoke test), so it may run twice.
    """
    candidate = Candidate(
        service, version, artifact, evaluation_data, metrics, champion_metrics, runtime,
        expectations_folder,
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as scratch:
        out = predictions_file or Path(scratch) / "predictions.json"
        return _report(candidate, out)


def _report(candidate: Candidate, out: Path) -> ValidationReport:
    service, version = candidate.service, candidate.version
    readings = tuple(
        metrics.read_gate(gate, candidate.metrics, candidate.champion_metrics)
        for gate in service.validation.metrics
    )
    checks = (*_model_checks(candidate, out), metrics.check_metrics(readings))
    return ValidationReport(service.name, version.name, version.version, checks, readings)


def _model_checks(candidate: Candidate, out: Path) -> Iterator[CheckResult]:
    try:
        description = read_description(candidate.artifact)
    except BadDescriptionError as problem:
        yield failed(artifacts.NAME, str(problem))
        for name in (safety.NAME, frameworks.NAME, evaluation_data.COLUMNS, predictions.NAME):
            yield skipped(name, "the artifact says too little")
        return
    before_loading = [
        artifacts.check_artifact(candidate.artifact, description),
        safety.check_safety(candidate.artifact, description, candidate.service.kind),
        frameworks.check_frameworks(candidate.artifact, description, candidate.runtime),
    ]
    if candidate.service.features is not None:
        before_loading.append(features.check_features(description, candidate.service.features))
    yield from before_loading
    yield from _data_checks(candidate, description, before_loading, out)


def _data_checks(
    candidate: Candidate, description: Description, before: list[CheckResult], out: Path
) -> Iterator[CheckResult]:
    spec = candidate.service.validation
    try:
        table = read_table(candidate.evaluation_data)
    except BadTableError as problem:
        yield failed(evaluation_data.COLUMNS, str(problem))
        yield skipped(predictions.NAME, "there is no evaluation data")
        return
    columns = evaluation_data.check_columns(table, description, spec.target)
    yield columns
    yield evaluation_data.check_expectations(table, candidate.expectations, spec.suite)
    if reason := _why_not_loaded(candidate, [*before, columns]):
        yield skipped(predictions.NAME, reason)
        return
    try:
        answer = predictions.predict(
            candidate.artifact,
            candidate.evaluation_data,
            out,
            candidate.service,
            Limits.of(candidate.service),
        )
    except PredictionError as problem:
        yield failed(predictions.NAME, str(problem))
        return
    yield predictions.check_predictions(answer, table, candidate.service)


def _why_not_loaded(candidate: Candidate, before: list[CheckResult]) -> str | None:
    wrong = [check.name for check in before if check.outcome is Outcome.FAILED]
    if wrong:
        return f"the model is not loaded after a failed check ({', '.join(wrong)})"
    if candidate.service.kind is Kind.BENTO:
        return "only the bento's own code can load its model; the smoke test asks it"
    return None
