"""From a model file to a version in the registry and a service file; twice is once."""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from filelock import FileLock

from tiffin.errors import RefusedError
from tiffin.home import TiffinHome
from tiffin.registration.examining import Examined, Say, Wish, examine
from tiffin.registration.findings import Findings
from tiffin.registration.mlflow_folder import network_in
from tiffin.registration.recognition import recognise
from tiffin.registration.refusals import bad_sample
from tiffin.registration.staging import digest_of
from tiffin.registry.mlflow_publishing import MlflowPublisher, Publication
from tiffin.registry.model_version import ModelVersion

EXPERIMENT = "tiffin-register"
_NAME = re.compile(r"[a-z]([a-z0-9-]{0,38}[a-z0-9])?")
_RECIPE = "1"
"""Grows when the same file and sample would make another version."""
_FINDINGS = "findings.json"


@dataclass(frozen=True, slots=True)
class Registered:
    """A version in the registry, and what is known of it."""

    version: ModelVersion
    is_new: bool
    findings: Findings


def register(wish: Wish, home: TiffinHome, publisher: MlflowPublisher, say: Say) -> Registered:
    """Return the version of this file and sample, registered if it isn't there.

    Killed at any instant and called again, it ends with one version; two at once wait for each
    other. Raises RefusedError as `examine` does, or `bad-request` for a name that is not allowed.
    """
    _check(wish)
    wish = replace(wish, file=network_in(wish.file) or wish.file)
    recognise(wish.file)
    inputs = _digest_of_all(wish)
    with FileLock(home.folder("registration") / f"{wish.name}.lock"):
        known = publisher.find(wish.name, inputs)
        with tempfile.TemporaryDirectory(prefix="tiffin-register-") as folder:
            scratch = Path(folder).resolve()
            if known is not None:
                kept = publisher.kept_file(known, _FINDINGS, scratch)
                told = Findings.of_json(kept.read_text(encoding="utf-8"))
                return Registered(known, is_new=False, findings=told)
            examined = examine(wish, scratch, say)
            say("Storing it in MLflow")
            version = publisher.publish(_publication(wish, inputs, examined, scratch))
    return Registered(version, is_new=True, findings=examined.findings)


def _check(wish: Wish) -> None:
    if not _NAME.fullmatch(wish.name):
        raise RefusedError(
            f"{wish.name!r} is no name for a service; use at most 40 lower-case letters, "
            "digits and dashes, as in churn-eu",
            code="bad-request",
        )
    if wish.data is not None and not wish.data.is_file():
        raise bad_sample(f"there is no file {wish.data}; name a CSV file with --data")
    if wish.data is None and wish.target is not None:
        raise bad_sample(f"--target {wish.target} is a column of --data; give both")


def _digest_of_all(wish: Wish) -> str:
    parts = {
        "recipe": _RECIPE,
        "file": digest_of(wish.file),
        "data": digest_of(wish.data) if wish.data else None,
        "target": wish.target,
        "kind": wish.kind,
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _publication(wish: Wish, inputs: str, examined: Examined, scratch: Path) -> Publication:
    findings = examined.findings
    file = scratch / _FINDINGS
    file.write_text(findings.as_json(), encoding="utf-8")
    return Publication(
        model=wish.name,
        inputs=inputs,
        artifact=examined.artifact,
        evaluation_data=examined.data,
        files=(file,),
        metrics=findings.metrics,
        params={
            "framework": findings.framework,
            "estimator": findings.estimator,
            "kind": findings.kind.value,
        },
        experiment=EXPERIMENT,
    )
