"""Does the model answer the evaluation data, in time, in memory, and with sane answers?

The model runs in a confined process, which is ended when it takes too long or too much memory.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tiffin.confined_process import (
    DiedError,
    Limits,
    TooLargeError,
    TooSlowError,
    run_confined,
)
from tiffin.services.spec import Kind, Service
from tiffin.validation.check import CheckResult, failed, passed
from tiffin.validation.expectations import Expectation, surprises

if TYPE_CHECKING:
    import pandas as pd

NAME = "predictions"

_FINITE = 1e300


class PredictionError(ValueError):
    """The model gave no predictions; the message is one sentence."""


def predict(
    artifact: Path, data: Path, out: Path, service: Service, limits: Limits
) -> Mapping[str, Any]:
    """Run the model on the data; twice writes the same file. Raises PredictionError."""
    out.parent.mkdir(parents=True, exist_ok=True)
    _run(
        [
            *(sys.executable, "-m", "serving.runtime.offline_predict"),
            *(str(artifact), str(data), str(out)),
            *("--kind", service.kind.value, "--target", service.validation.target),
        ],
        limits,
    )
    try:
        answer = json.loads(out.read_text(encoding="utf-8"))
        if isinstance(answer["predictions"], list):
            return dict(answer)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise PredictionError("the model left no readable predictions") from error
    raise PredictionError("the model's predictions are no list")


def check_predictions(
    answer: Mapping[str, Any], table: pd.DataFrame, service: Service
) -> CheckResult:
    """Hold the predictions against what any sane model of this kind would answer."""
    import pandas as pd

    columns = {"prediction": answer["predictions"], **_columns_beside(answer)}
    try:
        predictions = pd.DataFrame(columns)
    except ValueError:
        return failed(NAME, "the predictions, intervals and probabilities differ in number")
    truth = table[service.validation.target]
    expectations = expected_of_predictions(service.kind, len(table), columns, set(truth.dropna()))
    found = surprises(predictions, expectations)
    if found:
        return failed(NAME, f"the predictions are not sane: {found[0]}", found)
    return passed(NAME, f"{len(predictions)} rows were predicted, all as a sane model would")


def expected_of_predictions(
    kind: Kind, rows: int, columns: Mapping[str, object], classes: set[Any]
) -> tuple[Expectation, ...]:
    """Return the expectations on a table of predictions. Pure."""
    wishes: list[Expectation] = [
        _wish("expect_table_row_count_to_equal", value=rows),
        _wish("expect_column_values_to_not_be_null", column="prediction"),
    ]
    if kind is Kind.CLASSIFICATION:
        wishes.append(
            _wish(
                "expect_column_values_to_be_in_set",
                column="prediction",
                value_set=sorted(classes, key=str),
            )
        )
    else:
        wishes.append(_between("prediction", -_FINITE, _FINITE))
    if "low" in columns:
        wishes.append(
            _wish(
                "expect_column_pair_values_a_to_be_greater_than_b",
                column_A="high",
                column_B="low",
                or_equal=True,
            )
        )
    wishes += [_between(name, 0, 1) for name in columns if name.startswith("probability")]
    return tuple(wishes)


def _wish(kind: str, **kwargs: Any) -> Expectation:
    return {"type": kind, "kwargs": kwargs}


def _between(column: str, low: float, high: float) -> Expectation:
    return _wish("expect_column_values_to_be_between", column=column, min_value=low, max_value=high)


def _columns_beside(answer: Mapping[str, Any]) -> dict[str, list[Any]]:
    columns: dict[str, list[Any]] = {}
    if intervals := answer.get("intervals"):
        columns["low"] = [low for low, _ in intervals]
        columns["high"] = [high for _, high in intervals]
    if probabilities := answer.get("probabilities"):
        for index, values in enumerate(zip(*probabilities, strict=True)):
            columns[f"probability of {answer['classes'][index]}"] = list(values)
    return columns


def _run(command: list[str], limits: Limits) -> None:
    try:
        run_confined(command, limits)
    except TooLargeError:
        raise PredictionError(
            f"the model took more than {limits.memory_mib} MiB of memory to predict the "
            "evaluation data; give the service more (resources.memory) or log fewer rows"
        ) from None
    except TooSlowError:
        raise PredictionError(
            f"the model did not predict the evaluation data within {limits.seconds:g} seconds; "
            "log fewer rows, or a faster model"
        ) from None
    except DiedError as died:
        raise PredictionError(f"the model could not predict the evaluation data ({died})") from None
