"""Translates a model, compares it with the original, and keeps it only if the two agree."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

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
    """What came of one way to translate the model."""

    sentence: str
    parities: Mapping[str, Parity] = field(default_factory=dict)
    """By origin of the rows; empty when there was nothing to compare."""

    @property
    def agrees(self) -> bool:
        """Whether there is a translation, and it agrees on every row."""
        return bool(self.parities) and all(parity.agrees for parity in self.parities.values())


def convert(
    model: LoadedModel, kind: ModelKind, cells: list[list[Any]], tolerance: float, out: Path
) -> Report:
    """Compile the model into `tiffin-compiled/` below `out`, if that can be done rightly.

    `cells` are real rows. The report is written beside the compiled model, or instead of it.
    Twice gives the same bytes.
    """
    files = CompiledFiles(out)
    shutil.rmtree(files.folder, ignore_errors=True)
    files.folder.mkdir(parents=True)
    samples = samples_of(NativeEngine(model, kind), model.signature, cells)
    if any(samples[0].expected):
        trials = list(_trials(model, kind, samples, tolerance, files))
    else:
        trials = [Trial("the model answers none of the evaluation rows")]
    report = _report(trials, tolerance)
    report.write(files.report)
    return report


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
        said = first_words(failure).replace(str(files.graph), files.graph.name)
        return Trial(f"the translation failed ({said})")
    labels = kind is ModelKind.CLASSIFICATION
    parities = {
        sample.origin: compared(engine, sample, labels=labels, tolerance=tolerance)
        for sample in samples
    }
    return Trial(_outcome(way, parities), parities)


def _outcome(way: Way, parities: Mapping[str, Parity]) -> str:
    wrong = {origin: parity for origin, parity in parities.items() if not parity.agrees}
    if not wrong:
        return f"it agrees with the model on every row ({way.value})"
    counts = (f"{each.disagreeing} of {each.rows} {origin}" for origin, each in wrong.items())
    return f"it disagrees with the model on {' and '.join(counts)} ({way.value})"


def _report(trials: Sequence[Trial], tolerance: float) -> Report:
    """Tell of the translation that was chosen, else of one that was compared, else of all."""
    compared = [trial for trial in trials if trial.parities]
    told = compared[-1:] or trials
    return Report.of(
        engine=OnnxEngine.name if trials[-1].agrees else NativeEngine.name,
        reason="; ".join(dict.fromkeys(trial.sentence for trial in told)),
        tolerance=tolerance,
        parities=told[-1].parities,
    )
