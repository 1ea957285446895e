"""Compiles a model that MLflow logged: `python -m serving.conversion ARTIFACT DATA OUT ...`.

With it comes the interval around a regressor that has none of its own. Tiffin runs it in a
process of its own when it builds a bento, so that a model that hangs or eats all memory hurts
nobody. What is in `OUT/tiffin-compiled/` goes into the bento. The timings in
`OUT/microseconds.json`, which are never the same twice, don't.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from serving.conversion.calibration import Calibration, calibration_of
from serving.conversion.conversion import convert, leave_native
from serving.conversion.narrowing import Precision
from serving.conversion.report import Report
from serving.conversion.timing import microseconds_of_one_row
from serving.runtime.bad_input import BadInputError
from serving.runtime.engines.compiled import CompiledFiles
from serving.runtime.engines.native import NativeEngine
from serving.runtime.engines.onnx import OnnxEngine
from serving.runtime.identity import ModelKind
from serving.runtime.model_files import LoadedModel, load_model
from serving.runtime.offline_predict import read_rows


def main(arguments: Sequence[str] | None = None) -> int:
    """Compile, compare, measure and write; return 2 for a model or data that can't be read."""
    asked = _parser().parse_args(arguments)
    try:
        model, kind = load_model(asked.artifact), ModelKind(asked.kind)
        cells = read_rows(asked.data, model.signature).cells
    except (BadInputError, ValueError) as refused:
        print(refused, file=sys.stderr)
        return 2
    report = _engine_chosen(asked, model, kind, cells)
    if kind is ModelKind.REGRESSION:
        engine = NativeEngine(model, kind)
        found = calibration_of(engine, cells, asked.data, asked.target, asked.interval)
        _note_interval(report, found, CompiledFiles(asked.out))
    timings = _timings(model, kind, cells, asked.out)
    (asked.out / "microseconds.json").write_text(json.dumps(timings) + "\n", encoding="utf-8")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("artifact", type=Path, help="folder with the MLmodel file")
    parser.add_argument("data", type=Path, help="CSV file with a header: the evaluation data")
    parser.add_argument("out", type=Path, help="folder to write below")
    parser.add_argument("--kind", choices=[kind.value for kind in ModelKind], required=True)
    parser.add_argument(
        "--tolerance", type=float, required=True, help="see serving.conversion.parity"
    )
    parser.add_argument("--engine", choices=["auto", "onnx", "native"], default="auto")
    parser.add_argument("--precision", type=Precision, default=Precision.FLOAT64)
    parser.add_argument("--target", default="", help="the column with the truth")
    parser.add_argument("--interval", type=float, help="its coverage; none where it isn't said")
    return parser


def _engine_chosen(
    asked: argparse.Namespace, model: LoadedModel, kind: ModelKind, cells: list[list[Any]]
) -> Report:
    if asked.engine == NativeEngine.name:
        reason = "the service file asks for it (inference.engine)"
        return leave_native(reason, asked.tolerance, asked.out)
    return convert(model, kind, cells, asked.tolerance, asked.out, asked.precision)


def _note_interval(report: Report, found: Calibration, files: CompiledFiles) -> None:
    if found.interval is not None:
        found.interval.write(files.interval)
    replace(report, interval=found.sentence).write(files.report)


def _timings(
    model: LoadedModel, kind: ModelKind, cells: list[list[Any]], out: Path
) -> dict[str, float | None]:
    """Return the microseconds of one row by engine."""
    timings = {NativeEngine.name: microseconds_of_one_row(NativeEngine(model, kind), cells)}
    if CompiledFiles(out).graph.is_file():
        timings[OnnxEngine.name] = microseconds_of_one_row(OnnxEngine(out), cells)
    return timings


if __name__ == "__main__":
    sys.exit(main())
