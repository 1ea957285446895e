"""Which engine a model's bento answers with, and the report that says why.

The compiling and the comparing are `serving.conversion`'s, in a confined process. Here it is
started, and what it found is held against what the service file asks for.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tiffin.confined_process import ConfinedProcessError, Limits, run_confined
from tiffin.errors import MeasuredBadError, RefusedError
from tiffin.services.spec import Kind, Service

FOLDER = "tiffin-compiled"
"""Beside the model's own files; `serving.runtime.engines.compiled` reads it."""

_REPORT = "report.json"
_NATIVE = "native"
_COMPILED = "onnxruntime"
_ASKED_FOR = "the service file asks for it (inference.engine)"
_NO_INTERVAL = "the service file asks for none (inference.interval)"
_SECONDS = 300
_SPARE_MIB = 2048  # for the compilers, which are larger than most models


@dataclass(frozen=True, slots=True)
class InferenceReport:
    """The engine that was chosen, and what was compared for it."""

    engine: str
    """`onnxruntime` or `native`."""
    reason: str
    """One sentence."""
    tolerance: float
    compared: Mapping[str, Any]
    """By origin of the rows: how many, how many disagree, the worst difference."""
    versions: Mapping[str, str]
    """Of the packages that compiled it."""
    precision: str | None = None
    """What a compiled model computes in."""
    interval: str | None = None
    """Regression: where the interval comes from, or why there is none."""

    @classmethod
    def read(cls, model_folder: Path) -> InferenceReport:
        """Read the report in a model's folder."""
        return cls(**json.loads((model_folder / FOLDER / _REPORT).read_text(encoding="utf-8")))

    def write(self, model_folder: Path) -> None:
        """Write the report into a model's folder."""
        folder = model_folder / FOLDER
        folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(asdict(self), indent=2, sort_keys=True)
        (folder / _REPORT).write_text(text + "\n", encoding="utf-8")


def compile_model(
    service: Service, artifact: Path, evaluation_data: Path | None, out: Path
) -> None:
    """Write `tiffin-compiled/` below `out`: the compiled model, or only why there is none.

    With it goes the interval around a regressor that has none of its own.

    Raises MeasuredBadError (`onnx-disagrees`) or RefusedError (`onnx-impossible`) when the service
    file insists on ONNX and the model can't be had so. Otherwise a model that can't be compiled,
    or not within the limits, stays native, and the report says why.
    """
    out.mkdir(parents=True, exist_ok=True)
    native = service.inference.engine == _NATIVE
    if evaluation_data is None:
        why = _ASKED_FOR if native else "there is no evaluation data to compare the two engines on"
        _stays_native(service, out, why, "there is no evaluation data")
    elif native and not _wants_interval(service):
        _stays_native(service, out, _ASKED_FOR, _NO_INTERVAL)
    else:
        _convert(service, artifact, evaluation_data, out)
    _insist(service, InferenceReport.read(out))


def microseconds_of(out: Path) -> Mapping[str, float | None]:
    """Return how long one row took each engine, where both were measured."""
    file = out / "microseconds.json"
    return dict(json.loads(file.read_text(encoding="utf-8"))) if file.is_file() else {}


def _convert(service: Service, artifact: Path, evaluation_data: Path, out: Path) -> None:
    command = (
        *(sys.executable, "-m", "serving.conversion"),
        *(str(artifact), str(evaluation_data.resolve()), str(out.resolve())),
        *("--kind", service.kind.value, "--tolerance", repr(service.inference.tolerance)),
        *("--engine", service.inference.engine, "--precision", service.inference.precision),
        *("--target", service.validation.target),
        *(("--interval", repr(service.inference.interval)) if _wants_interval(service) else ()),
    )
    limits = Limits(_SECONDS, service.resources.memory_mib + _SPARE_MIB)
    try:
        run_confined(command, limits)
    except ConfinedProcessError as failure:
        shutil.rmtree(out / FOLDER, ignore_errors=True)  # it may hold what nobody has compared
        why = f"compiling it did not work out: {failure}"
        _stays_native(service, out, why, str(failure))


def _wants_interval(service: Service) -> bool:
    return service.kind is Kind.REGRESSION and service.inference.interval is not None


def _stays_native(service: Service, out: Path, reason: str, no_interval: str) -> None:
    interval = f"not measured: {no_interval}" if service.kind is Kind.REGRESSION else None
    tolerance = service.inference.tolerance
    InferenceReport(_NATIVE, reason, tolerance, {}, {}, interval=interval).write(out)


def _insist(service: Service, report: InferenceReport) -> None:
    if service.inference.engine != "onnx" or report.engine == _COMPILED:
        return
    sentence = (
        f"{service.name} insists on ONNX (inference.engine), but its model can't have it: "
        f"{report.reason}; set `auto` or `native`, or change the model"
    )
    if report.compared:
        raise MeasuredBadError(sentence, code="onnx-disagrees")
    raise RefusedError(sentence, code="onnx-impossible")
