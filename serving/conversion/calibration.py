"""The interval around a plain regressor, by split conformal prediction on evaluation rows.

Those are rows that the model was not fitted on, so their errors are what new rows' will be, as
far as new rows are like them. Source: Lei, G'Sell, Rinaldo, Tibshirani, Wasserman,
"Distribution-Free Predictive Inference for Regression", JASA 113 (2018), algorithm 2, after Vovk,
Gammerman, Shafer, "Algorithmic Learning in a Random World" (2005).
"""

from __future__ import annotations

import csv
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from serving.conversion.answers import answers_to
from serving.models.conformal import conformal_quantile
from serving.runtime.engines.engine import Engine
from serving.runtime.engines.interval import Interval

_MOST_ROWS = 50_000
_DIGITS = 6

Truth = Sequence[float | None]
"""A row's value; None where the data has none."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """What came of measuring an interval."""

    sentence: str
    """Where the interval comes from, or why there is none."""
    interval: Interval | None = None


def calibration_of(
    engine: Engine, cells: Sequence[list[Any]], data: Path, target: str, coverage: float | None
) -> Calibration:
    """Measure an interval if the model has none, the service wants one and the data tells it."""
    if "intervals" in engine.output_names:
        return Calibration("the model's own")
    if coverage is None:
        return Calibration("none: the service file asks for none (inference.interval)")
    try:
        return calibrated(engine, cells, read_truth(data, target), coverage)
    except ValueError as refused:
        return Calibration(f"none: {refused}")


def calibrated(
    engine: Engine, cells: Sequence[list[Any]], truth: Truth, coverage: float
) -> Calibration:
    """Measure the interval that holds the share `coverage` of the truths.

    Rows without a truth, or that the model refuses, are left out.
    """
    picked = _spread(len(cells))
    errors = _errors(engine, [cells[row] for row in picked], [truth[row] for row in picked])
    if len(errors) < least_rows(coverage):
        return Calibration(_too_few(len(errors), coverage))
    width = rounded_up(conformal_quantile(errors, coverage))
    words = f"conformal, {coverage * 100:g} %, from {len(errors)} evaluation rows"
    return Calibration(words, Interval(width, coverage, len(errors)))


def _spread(rows: int) -> Sequence[int]:
    """Pick rows from the whole file, since it may be sorted by what makes a row hard."""
    if rows <= _MOST_ROWS:
        return range(rows)
    return [row * rows // _MOST_ROWS for row in range(_MOST_ROWS)]


def _errors(engine: Engine, cells: Sequence[list[Any]], truth: Truth) -> np.ndarray:
    pairs = zip(answers_to(engine, cells), truth, strict=True)
    found = [
        abs(value - answer["predictions"])
        for answer, value in pairs
        if answer is not None and value is not None
    ]
    return np.array(found, dtype=float)


def _too_few(rows: int, coverage: float) -> str:
    return (
        f"none: {rows} evaluation rows with an answer and a truth are too few for "
        f"{coverage * 100:g} %; log at least {least_rows(coverage)}"
    )


def least_rows(coverage: float) -> int:
    """Return how many rows the coverage can be promised from."""
    return math.ceil(round(coverage / (1 - coverage), 6))


def rounded_up(width: float) -> float:
    """Return the next number of six digits.

    Another processor may add a prediction up in another order; the bento is the same there. Wider
    keeps the promise.
    """
    if width < sys.float_info.min:
        return width
    width = float(f"{width:.{_DIGITS + 4}g}")  # 0.3 and the float after it are the same width
    unit = 10.0 ** (math.floor(math.log10(width)) + 1 - _DIGITS)
    return float(f"{math.ceil(width / unit) * unit:.{_DIGITS}g}")


def read_truth(data: Path, target: str) -> Truth:
    """Read the target's column of a CSV file; ValueError when it isn't there."""
    with data.open(newline="", encoding="utf-8") as stream:
        reader = csv.DictReader(stream)
        if target not in (reader.fieldnames or ()):
            raise ValueError(f"the evaluation data has no column {target} (validation.target)")
        return [_number(row[target]) for row in reader]


def _number(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if math.isfinite(number) else None
