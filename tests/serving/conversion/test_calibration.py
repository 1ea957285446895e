from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from serving.conversion.calibration import (
    calibrated,
    calibration_of,
    least_rows,
    read_truth,
    rounded_up,
)
from serving.models.conformal import ConformalRegressor, conformal_quantile
from serving.runtime.engines.engine import Outputs
from serving.runtime.engines.native import NativeEngine
from serving.runtime.identity import ModelKind
from serving.runtime.rows import Rows
from tests.serving.conversion.zoo import diabetes, loaded


class Nothing:
    """Answers 0, and refuses negative numbers."""

    name = "nothing"
    classes = None
    output_names = ("predictions",)

    def outputs(self, rows: Rows) -> Outputs:
        if (rows.matrix < 0).any():
            raise ValueError("negative")
        return {"predictions": np.zeros(rows.count)}


def cells(rows: int) -> list[list[float]]:
    return [[1.0]] * rows


def test_the_interval_holds_as_many_new_rows_as_was_promised() -> None:
    random = np.random.default_rng(9)
    features = random.normal(size=(6000, 2))
    truth = features @ [1.0, -2.0] + random.standard_t(df=3, size=6000)
    model = LinearRegression().fit(features[:1000], truth[:1000])
    engine = NativeEngine(loaded(model, features), ModelKind.REGRESSION)
    found = calibrated(engine, features[1000:3000].tolist(), truth[1000:3000].tolist(), 0.9)
    assert found.sentence == "conformal, 90 %, from 2000 evaluation rows"
    assert found.interval is not None
    errors = np.abs(truth[3000:] - model.predict(features[3000:]))
    assert (errors <= found.interval.half_width).mean() == pytest.approx(0.9, abs=0.025)


def test_the_width_is_the_quantile_that_the_guarantee_needs() -> None:
    errors = np.arange(1.0, 100.0)
    found = calibrated(Nothing(), cells(99), errors.tolist(), 0.95)
    assert found.interval is not None
    assert found.interval.half_width == conformal_quantile(errors, 0.95) == 95.0
    assert (found.interval.coverage, found.interval.rows) == (0.95, 99)


@pytest.mark.parametrize(
    ("coverage", "least"), [(0.5, 1), (0.8, 4), (0.9, 9), (0.95, 19), (0.99, 99)]
)
def test_no_interval_is_promised_from_too_few_rows(coverage: float, least: int) -> None:
    assert least_rows(coverage) == least
    enough = calibrated(Nothing(), cells(least), [1.0] * least, coverage)
    assert enough.interval is not None
    few = calibrated(Nothing(), cells(least - 1), [1.0] * (least - 1), coverage)
    assert few.interval is None
    assert few.sentence == (
        f"none: {least - 1} evaluation rows with an answer and a truth are too few for "
        f"{coverage * 100:g} %; log at least {least}"
    )


def test_rows_without_a_truth_or_an_answer_do_not_count() -> None:
    given = [[1.0], [-1.0], [1.0], *cells(8)]
    truth = [3.0, 99.0, None, *[1.0] * 8]
    found = calibrated(Nothing(), given, truth, 0.9)
    assert found.sentence == "conformal, 90 %, from 9 evaluation rows"
    assert found.interval is not None
    assert found.interval.half_width == 3.0


def test_the_truth_is_read_from_its_column_and_what_is_no_number_is_none(tmp_path: Path) -> None:
    data = tmp_path / "data.csv"
    data.write_text("x,price\n1,2.5\n1,\n1,cheap\n1,inf\n1,-3\n")
    assert read_truth(data, "price") == [2.5, None, None, None, -3.0]


def test_says_why_there_is_none_or_whose_it_is(tmp_path: Path) -> None:
    data = tmp_path / "data.csv"
    data.write_text("x,price\n1,2.5\n")
    missing = calibration_of(Nothing(), cells(1), data, "cost", 0.9)
    assert missing.sentence == ("none: the evaluation data has no column cost (validation.target)")
    unwanted = calibration_of(Nothing(), cells(1), data, "price", None)
    assert unwanted.sentence == "none: the service file asks for none (inference.interval)"
    features, truth = diabetes()
    model = ConformalRegressor(LinearRegression()).fit(features, truth)
    engine = NativeEngine(loaded(model, features), ModelKind.REGRESSION)
    assert calibration_of(engine, cells(1), data, "price", 0.9).sentence == "the model's own"
    assert {missing.interval, unwanted.interval} == {None}


@pytest.mark.parametrize(
    ("width", "rounded"),
    [
        (0.0, 0.0),
        (5e-324, 5e-324),
        (1.2345671, 1.23457),
        (95.0, 95.0),
        (26_400.123, 26_400.2),
        (1.5e-9, 1.5e-9),
    ],
)
def test_widths_are_rounded_up_so_that_machines_agree(width: float, rounded: float) -> None:
    assert rounded_up(width) == rounded
    assert rounded_up(width) >= width


@pytest.mark.parametrize("width", [0.3, 0.5, 1.0, 123.456, 1e-3])
def test_the_next_float_is_the_same_width(width: float) -> None:
    assert rounded_up(width) == rounded_up(math.nextafter(width, math.inf)) == width


def test_of_very_many_rows_some_of_the_whole_file_are_measured(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("serving.conversion.calibration._MOST_ROWS", 100)
    rising = [float(number) for number in range(1000)]  # the answer is 0: errors grow with the row
    found = calibrated(Nothing(), [[1.0]] * 1000, rising, 0.9)
    assert found.interval is not None
    assert found.interval.half_width == pytest.approx(900, abs=15)


def test_a_percentage_that_no_float_holds_is_the_one_that_was_meant() -> None:
    assert conformal_quantile(np.arange(999.0), 99.9 / 100) == 998
