"""Finds out all about a model file: it is loaded, saved as MLflow does, and asked the sample.

The model runs in confined processes only, after its file was looked into.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from tiffin.confined_process import ConfinedProcessError, Limits, run_confined
from tiffin.errors import RefusedError
from tiffin.registration.findings import Findings
from tiffin.registration.metrics import measured
from tiffin.registration.recognition import recognise
from tiffin.registration.refusals import bad_sample, model_fails
from tiffin.registration.staging import StagedModel, stage
from tiffin.registration.torch_files import as_onnx
from tiffin.registration.truth import check_truth
from tiffin.registration.worker import Job
from tiffin.services.spec import Kind, Service
from tiffin.validation.before_loading import why_not_to_be_loaded
from tiffin.validation.evaluation_data import read_table
from tiffin.validation.predictions import PredictionError, predict

Say = Callable[[str], None]
"""Tells the person what takes its time."""

_SECONDS = 300
_SPARE_MIB = 4096  # for the frameworks and MLflow, which are larger than most models
_SIZES = 4  # a model in memory, and its copies while it is saved, beside its file
_NO_TRUTH = "truth"


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person gave and said."""

    file: Path
    name: str
    data: Path | None = None
    target: str | None = None
    kind: Kind | None = None
    python: Path | None = None
    """A Python that has torch, for a network."""


@dataclass(frozen=True, slots=True)
class Examined:
    """A model as MLflow has it, and what was found out."""

    artifact: Path
    data: Path | None
    findings: Findings


def examine(wish: Wish, scratch: Path, say: Say) -> Examined:
    """Return the model ready to be registered; works below `scratch`, an empty folder.

    Raises RefusedError, with one sentence on what to do, for all that a person has to mend:
    `bad-model-file`, `unsafe-model-file`, `model-fails`, `bad-sample`.
    """
    say(f"Looking into {wish.file.name}")
    staged = stage(wish.file, recognise(wish.file), scratch)
    if staged.form.is_torch:
        say("Exporting the network to ONNX")
        staged = as_onnx(staged, wish.data, wish.target, wish.kind, wish.python, scratch)
    say("Loading it, in a process of its own")
    examined = _saved(wish, staged, scratch)
    if problem := why_not_to_be_loaded(examined.artifact, Kind.CLASSIFICATION):
        raise model_fails(f"{staged.name} could not be deployed: {problem}")
    say("Letting it answer the sample")
    return _answered(examined, scratch)


def _saved(wish: Wish, staged: StagedModel, scratch: Path) -> Examined:
    out = scratch / "out"
    out.mkdir()
    job = Job(
        name=staged.name,
        file=str(staged.file),
        form=staged.form,
        out=str(out),
        data=None if wish.data is None else str(wish.data.resolve()),
        target=wish.target,
        kind=wish.kind,
    )
    file = scratch / "job.json"
    file.write_text(json.dumps(asdict(job)), encoding="utf-8")
    size = _mebibytes(staged.file)
    limits = Limits(_SECONDS, _SPARE_MIB + _SIZES * size)
    try:
        run_confined((sys.executable, "-m", "tiffin.registration.worker", str(file)), limits)
    except ConfinedProcessError as failure:
        raise model_fails(f"{staged.name} can't be loaded: {failure}") from None
    return _read(out, staged.notes)


def _read(out: Path, notes: tuple[str, ...]) -> Examined:
    refused = out / "refused.json"
    if refused.exists():
        raise RefusedError(**json.loads(refused.read_text(encoding="utf-8")))
    findings = Findings.of_json((out / "findings.json").read_text(encoding="utf-8"))
    findings = replace(findings, notes=(*notes, *findings.notes))
    data = out / "data.csv"
    return Examined(out / "artifact", data if data.exists() else None, findings)


def _mebibytes(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file()) >> 20


def _answered(examined: Examined, scratch: Path) -> Examined:
    """Let the model answer the evaluation data, or else its example, as a server would."""
    findings = examined.findings
    data = examined.data or _one_row(findings, scratch)
    answer = _predicted(examined, data, scratch)
    answers = [
        key for key in ("predictions", "probabilities", "intervals", "effects") if key in answer
    ]
    findings = replace(findings, answers=tuple(answers))
    if findings.truth is None:
        return replace(examined, findings=findings)
    truth = list(read_table(data)[findings.truth].tolist())
    check_truth(findings, answer, truth)
    metrics = measured(findings.kind, answer, truth)
    return replace(examined, findings=replace(findings, metrics=metrics))


def _one_row(findings: Findings, scratch: Path) -> Path:
    import pandas as pd

    file = scratch / "example.csv"
    row = [findings.example] if findings.is_named else [list(findings.example)]
    pd.DataFrame(row, columns=list(findings.features)).to_csv(file, index=False)
    return file


def _predicted(examined: Examined, data: Path, scratch: Path) -> Mapping[str, Any]:
    service, name = _stand_in(examined.findings), examined.findings.file
    try:
        out = scratch / "answers.json"
        return predict(examined.artifact, data, out, service, Limits.of(service))
    except PredictionError as problem:
        if examined.data is None:
            raise bad_sample(
                f"{name} can't answer a row of zeros; give it real ones with --data ({problem})"
            ) from None
        raise model_fails(f"{name} can't answer the sample: {problem}") from None


def _stand_in(findings: Findings) -> Service:
    """Return a service for those who ask for one; there may be none yet."""
    return Service.model_validate(
        {
            "name": "stand-in",
            "model": "stand-in",
            "kind": findings.kind,
            "port": 1024,
            "smoke": [{"name": "none", "body": {}}],
            "validation": {"target": findings.truth or _NO_TRUTH},
        }
    )
