"""Translates a model, compares it with the original, and keeps it only if the two agree."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from serving.conversion.narrowing import Precision, narrowed
from serving.conversion.parity import Parity
from serving.conversion.report import Report
from serving.conversion.samples import Sample, compared, samples_of
from serving.conversion.translation import translate
from serving.conversion.untranslatable import UntranslatableError, first_words
from serving.conversion.ways import Way, ways_for
from serving.runtime.engines.compiled import CompiledFiles
from serving.runtime.engines.native import NativeEngine
from serving.runtime.engines.onnx import OnnxEngine
from serving.runtime.identity import ModelKind
from serving.runtime.model_files import LoadedModel


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of one way to translate the model, or of one precision."""

    sentence: str
    parities: Mapping[str, Parity] = field(default_factory=dict)
    """By origin of the rows; empty when there was nothing to compare."""
    precision: Precision = Precision.FLOAT64

    @property
    def agrees(self) -> bool:
        """Whether there is a translation, and it agrees on every row."""
        return bool(self.parities) and all(parity.agrees for parity in self.parities.values())


def convert(
    model: LoadedModel,
    kind: ModelKind,
    cells: list[list[Any]],
    tolerance: float,
    out: Path,
    precision: Precision = Precision.FLOAT64,
) -> Report:
    """Compile the model into `tiffin-compiled/` below `out`, if that can be done rightly.

    `cells` are real rows. The report is written beside the compiled model, or instead of it.
    Another precision than float64 is kept where it agrees as well. Twice gives the same bytes.
    """
    files = _emptied(out)
    samples = samples_of(NativeEngine(model, kind), model.signature, cells)
    if any(samples[0].expected):
        trials = list(_trials(model, kind, samples, tolerance, files))
    else:
        trials = [Trial("the model answers none of the evaluation rows")]
    if trials[-1].agrees and precision is not Precision.FLOAT64:
        trials = [_narrowed(trials[-1], kind, precision, samples, tolerance, files)]
    report = _report(trials, tolerance)
    report.write(files.report)
    return report


def leave_native(reason: str, tolerance: float, out: Path) -> Report:
    """Write a report that says why there is no compiled model."""
    report = _report([Trial(reason)], tolerance)
    report.write(_emptied(out).report)
    return report


def _emptied(out: Path) -> CompiledFiles:
    files = CompiledFiles(out)
    shutil.rmtree(files.folder, ignore_errors=True)
    files.folder.mkdir(parents=True)
    return files


def _trials(
    model: LoadedModel,
    kind: ModelKind,
    samples: Sequence[Sample],
    tolerance: float,
    files: CompiledFiles,
) -> Iterator[Trial]:
    """Try one way after the other until one agrees, which stays in the folder.

    Where our own translation disagrees, the others would not do better.
    """
    for way in ways_for(model.signature):
        trial = _try(model, kind, way, samples, tolerance, files)
        yield trial
        if trial.agrees:
            return
        files.plan.unlink(missing_ok=True)
        files.graph.unlink(missing_ok=True)
        if way is Way.OWN and trial.parities:
            return


def _try(
    model: LoadedModel,
    kind: ModelKind,
    way: Way,
    samples: Sequence[Sample],
    tolerance: float,
    files: CompiledFiles,
) -> Trial:
    try:
        translation = translate(model, kind, way)
        files.graph.write_bytes(translation.graph)
        translation.plan.write(files.plan)
        engine = OnnxEngine(files.artifact)
    except UntranslatableError as why:
        return Trial(why.sentence)
    except Exception as failure:  # noqa: BLE001 (of ONNX Runtime, or of an estimator unlike others)
        return Trial(f"the translation failed ({_said(failure, files)})")
    parities = _parities(engine, kind, samples, tolerance)
    return Trial(f"it {_outcome(parities)} ({way.value})", parities)


def _narrowed(
    exact: Trial,
    kind: ModelKind,
    precision: Precision,
    samples: Sequence[Sample],
    tolerance: float,
    files: CompiledFiles,
) -> Trial:
    """Put the graph in that precision in the place of the exact one, if it agrees, too."""
    graph, asked = files.graph.read_bytes(), f"{precision.value} was asked for"
    try:
        files.graph.write_bytes(narrowed(graph, precision))
        engine = OnnxEngine(files.artifact)
    except UntranslatableError as why:
        trial = Trial(f"{asked}, but {why.sentence}")
    except Exception as failure:  # noqa: BLE001 (of ONNX Runtime and its converters)
        trial = Trial(f"{asked}, but that failed ({_said(failure, files)})")
    else:
        parities = _parities(engine, kind, samples, tolerance)
        trial = Trial(f"{asked}, and {_outcome(parities)}", parities, precision)
    if trial.agrees:
        return replace(trial, sentence=f"{exact.sentence}; {trial.sentence}")
    files.graph.write_bytes(graph)
    return replace(exact, sentence=f"{exact.sentence}; {trial.sentence}, so it is not used")


def _said(failure: Exception, files: CompiledFiles) -> str:
    return first_words(failure).replace(str(files.graph), files.graph.name)


def _parities(
    engine: OnnxEngine, kind: ModelKind, samples: Sequence[Sample], tolerance: float
) -> dict[str, Parity]:
    labels = kind is ModelKind.CLASSIFICATION
    return {
        sample.origin: compared(engine, sample, labels=labels, tolerance=tolerance)
        for sample in samples
    }


def _outcome(parities: Mapping[str, Parity]) -> str:
    wrong = {origin: parity for origin, parity in parities.items() if not parity.agrees}
    if not wrong:
        return "agrees with the model on every row"
    counts = (f"{each.disagreeing} of {each.rows} {origin}" for origin, each in wrong.items())
    return f"disagrees with the model on {' and '.join(counts)}"


def _report(trials: Sequence[Trial], tolerance: float) -> Report:
    """Tell of the translation that was chosen, else of one that was compared, else of all."""
    compared = [trial for trial in trials if trial.parities]
    told, is_compiled = compared[-1:] or trials, trials[-1].agrees
    return Report.of(
        engine=OnnxEngine.name if is_compiled else NativeEngine.name,
        reason="; ".join(dict.fromkeys(trial.sentence for trial in told)),
        tolerance=tolerance,
        parities=told[-1].parities,
        precision=trials[-1].precision.value if is_compiled else None,
    )
