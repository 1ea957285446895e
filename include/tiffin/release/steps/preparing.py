"""Validate, package, image: from a model version to a Revision that could run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict

from tiffin.errors import MeasuredBadError
from tiffin.packaging.bento import LoggedModel, ensure_bento
from tiffin.packaging.inference import InferenceReport
from tiffin.platform import Platform
from tiffin.registry.digest import tree_digest
from tiffin.registry.model_version import CHAMPION
from tiffin.release.phases import Phase
from tiffin.release.release import Release, revision_of
from tiffin.release.steps.step import service_of, step
from tiffin.services.spec import Service
from tiffin.validation.check import Outcome
from tiffin.validation.frameworks import installed_versions
from tiffin.validation.report import render_report
from tiffin.validation.validate import validate

GOLDEN = "predictions.json"
"""The offline predictions that a candidate must answer with, in the Release's workspace."""


@step(Phase.VALIDATING)
def ensure_validated(platform: Platform, release: Release) -> Release:
    """Fetch the artifact and judge it; the report is stored with the Release's registry run.

    Raises MeasuredBadError `validation-failed` with the sentences of the checks that failed.
    """
    service = service_of(platform, release)
    work = platform.workspace_of(release.id)
    version = platform.registry.version(release.model, release.version)
    artifact = platform.registry.fetch_artifact(version, work)
    report = validate(
        service,
        version,
        artifact,
        platform.registry.fetch_evaluation_data(version, work),
        platform.registry.metrics(version),
        _champion_metrics(platform, service, release),
        installed_versions(),
        platform.project / "include" / "expectations",
        predictions_file=work / GOLDEN,
    )
    page = work / "validation.html"
    page.write_text(render_report(report), encoding="utf-8")
    url = platform.registry.log_file(str(release.registry_run), page)
    failed = [check.sentence for check in report.checks if check.outcome is Outcome.FAILED]
    body = {"passed": report.passed, "report": url, "failed": failed}
    platform.records.note(release.id, "validated", body)
    if not report.passed:
        sentences = "; ".join(failed)
        raise MeasuredBadError(
            f"version {release.version} of {release.model} failed validation: {sentences}; the "
            f"report is at {url}",
            code="validation-failed",
        )
    return platform.records.move(release.id, Phase.VALIDATING, digest=tree_digest(artifact))


@step(Phase.PACKAGING)
def ensure_packaged(platform: Platform, release: Release) -> Release:
    """Build the bento, the same for the same inputs, and name the candidate Revision.

    Raises MeasuredBadError `onnx-disagrees` where the service insists on ONNX and the compiled
    model answers otherwise than the one that was logged.
    """
    service = service_of(platform, release)
    work = platform.workspace_of(release.id)
    version = platform.registry.version(release.model, release.version)
    artifact = platform.registry.fetch_artifact(version, work)
    data = platform.registry.fetch_evaluation_data(version, work)
    model = LoggedModel(artifact, tree_digest(artifact), data)
    bento = ensure_bento(platform.bento_store, service, model, platform.project)
    if bento.inference is not None:
        _tell_of_inference(platform, release, bento.inference, bento.microseconds)
    candidate = revision_of(service, release.version, bento.tag, bento.image)
    return platform.records.move(release.id, Phase.PACKAGING, candidate=candidate)


def _tell_of_inference(
    platform: Platform,
    release: Release,
    report: InferenceReport,
    microseconds: Mapping[str, float | None],
) -> None:
    """Write which engine answers, and why, into the ledger and the Release's registry run."""
    body = {**asdict(report), "microseconds_of_one_row": dict(microseconds)}
    file = platform.workspace_of(release.id) / "inference.json"
    file.write_text(json.dumps(body, indent=2, sort_keys=True), encoding="utf-8")
    url = platform.registry.log_file(str(release.registry_run), file)
    platform.records.note(release.id, "packaged", {**body, "report": url})


@step(Phase.BUILDING)
def ensure_image(platform: Platform, release: Release) -> Release:
    """Pin what will run by digest; on the local target the bento itself is the image.

    A Release whose Revision is live already, or a dry run, succeeds here.
    """
    assert release.candidate is not None
    platform.records.note(release.id, "image", {"image": release.candidate.image})
    if release.is_dry_run:
        reason = "dry run: validated and packaged, nothing was started"
        return platform.records.move(release.id, Phase.SUCCESSFUL, reason=reason)
    if release.candidate.name == release.stable:
        reason = f"{release.candidate.name} is live already"
        return platform.records.move(release.id, Phase.SUCCESSFUL, reason=reason)
    return platform.records.release(release.id)


def _champion_metrics(
    platform: Platform, service: Service, release: Release
) -> Mapping[str, float] | None:
    champion = platform.registry.version_by_alias(service.model, CHAMPION)
    if champion is None or champion.version == release.version:
        return None
    return platform.registry.metrics(champion)
