"""Loads a staged file and saves it as an MLflow model: `python -m tiffin.registration.worker JOB`.

`tiffin.registration.examining` runs it as a confined process. It writes `artifact/`, the
evaluation data `data.csv`, and `findings.json`; or only `refused.json`, when a person has to mend
something first.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tiffin.errors import RefusedError
from tiffin.registration.findings import Findings
from tiffin.registration.kinds import kind_by_answers
from tiffin.registration.loaded_file import LoadedFile, installed
from tiffin.registration.loading import load
from tiffin.registration.recognition import Form
from tiffin.registration.sample import Sample, as_sent, examples_of, made_up_features, read_sample
from tiffin.services.spec import Kind

_FOR_SAMPLE = ("numpy", "pandas")


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be loaded, and what the person said of it."""

    name: str
    file: str
    form: Form
    out: str
    data: str | None
    target: str | None
    kind: Kind | None

    @classmethod
    def read(cls, file: Path) -> Job:
        """Read a job that was written as JSON."""
        said = json.loads(file.read_text(encoding="utf-8"))
        kind = said["kind"]
        return cls(**{**said, "form": Form(said["form"]), "kind": Kind(kind) if kind else None})


def main(job_file: str) -> None:
    """Do the job."""
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    job = Job.read(Path(job_file))
    out = Path(job.out)
    try:
        findings = _save(job, out)
    except RefusedError as refused:
        said = {"message": refused.message, "code": refused.code}
        (out / "refused.json").write_text(json.dumps(said), encoding="utf-8")
        return
    (out / "findings.json").write_text(findings.as_json(), encoding="utf-8")


def _save(job: Job, out: Path) -> Findings:
    loaded = load(job.name, Path(job.file), job.form)
    sample = read_sample(Path(job.data), loaded.reads, job.target) if job.data else None
    features = sample.features if sample else made_up_features(loaded.reads)
    kind = job.kind or loaded.kind or kind_by_answers(loaded.estimator, sample)
    loaded.save(out / "artifact", _options(loaded, features))
    if sample is not None:
        sample.table.to_csv(out / "data.csv", index=False)
    return _findings(job, loaded, sample, features, kind)


def _options(loaded: LoadedFile, features: Any) -> Mapping[str, Any]:
    from mlflow.models import infer_signature

    packages = [f"{package}=={installed(package)}" for package in _FOR_SAMPLE]
    return {
        "signature": infer_signature(features),
        "input_example": examples_of(features),
        "pip_requirements": [loaded.requirement, *packages],
    }


def _findings(
    job: Job, loaded: LoadedFile, sample: Sample | None, features: Any, kind: Kind
) -> Findings:
    is_named = hasattr(features, "columns")
    example = as_sent(features)
    return Findings(
        file=job.name,
        framework=loaded.requirement.replace("==", " "),
        estimator=_name_of(loaded.estimator),
        kind=kind,
        features=_types(features),
        is_named=is_named,
        truth=sample.columns.truth if sample else None,
        truth_why=sample.columns.why if sample else "no sample was given",
        rows=len(sample.table) if sample else 0,
        example=example if isinstance(example, dict) else tuple(example),
        notes=tuple(_notes(job, loaded, sample)),
    )


def _name_of(estimator: Any) -> str:
    """Return the class, and those of a pipeline's steps."""
    steps = getattr(estimator, "steps", None)
    name = type(estimator).__name__.replace("ModelProto", "ONNX graph")
    if not isinstance(steps, list):
        return name
    return f"{name}({', '.join(type(step).__name__ for _, step in steps)})"


def _types(features: Any) -> dict[str, str]:
    from mlflow.models import infer_signature

    if not hasattr(features, "columns"):
        return {f"x{index}": "double" for index in range(features.shape[1])}
    inputs = infer_signature(features).inputs.inputs
    return {str(spec.name): str(spec.type.name) for spec in inputs}


def _notes(job: Job, loaded: LoadedFile, sample: Sample | None) -> list[str]:
    notes = [loaded.note] if loaded.note else []
    if sample is None:
        notes.append(
            "the columns are taken for numbers, and the example is made up; give --data to have "
            "both right"
        )
    elif sample.left_out:
        notes.append(
            f"{sample.left_out} rows have an empty cell and are left out, since a request has to "
            "have every value"
        )
    return notes


if __name__ == "__main__":
    main(sys.argv[1])
