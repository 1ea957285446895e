"""Runs Great Expectations on a table, in memory, and says what was not as expected.

Great Expectations takes five seconds of CPU to import, so it is imported when it is needed, and
once. It sends no usage data, draws no progress bar, and writes no file.
"""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

Expectation = Mapping[str, Any]
"""One expectation as Great Expectations writes it in JSON: its type and kwargs."""


class BadSuiteError(ValueError):
    """The suite can't be read; the message is one sentence."""


def read_suite(folder: Path, name: str) -> tuple[Expectation, ...]:
    """Return the expectations of `<folder>/<name>.json`; raise BadSuiteError if there are none."""
    file = folder / f"{name}.json"
    if file.parent != folder or not file.is_file():
        raise BadSuiteError(f"there is no suite {name!r} in include/expectations/; write it")
    try:
        expectations = json.loads(file.read_text(encoding="utf-8"))["expectations"]
        return tuple({"type": e["type"], "kwargs": dict(e["kwargs"])} for e in expectations)
    except (ValueError, KeyError, TypeError) as error:
        raise BadSuiteError(f"the suite {name}.json can't be read; correct it") from error


def surprises(table: pd.DataFrame, expectations: Sequence[Expectation]) -> tuple[str, ...]:
    """Return one sentence for each expectation that the table does not meet.

    Raises BadSuiteError when Great Expectations knows no such expectation.
    """
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its import and its use of pandas warn; not about us
        results = _validate(table, expectations)
    return tuple(_sentence(result) for result in results if not result["success"])


def _validate(table: pd.DataFrame, expectations: Sequence[Expectation]) -> list[dict[str, Any]]:
    import great_expectations as gx
    from great_expectations.core.expectation_suite import ExpectationSuite
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False, metric_calculations=False)
    source = context.data_sources.add_pandas("tables").add_dataframe_asset("table")
    batch = source.add_batch_definition_whole_dataframe("whole").get_batch({"dataframe": table})
    suite = ExpectationSuite(name="suite", expectations=[dict(e) for e in expectations])
    if len(suite.expectations) != len(expectations):
        # It leaves out what it does not understand, and only logs that it did.
        kept = {expectation.expectation_type for expectation in suite.expectations}
        lost = sorted({str(e["type"]) for e in expectations} - kept) or ["one that comes twice"]
        raise BadSuiteError(f"Great Expectations can't use {', '.join(lost)}; correct the suite")
    return [result.to_json_dict() for result in batch.validate(suite).results]


def _sentence(result: Mapping[str, Any]) -> str:
    config, found = result["expectation_config"], result.get("result") or {}
    kwargs = {key: value for key, value in config["kwargs"].items() if key != "batch_id"}
    column = kwargs.pop("column", "") or "/".join(
        str(kwargs.pop(side)) for side in ("column_A", "column_B") if side in kwargs
    )
    wish = config["type"].removeprefix("expect_").replace("_", " ")
    limits = ", ".join(f"{key} {value}" for key, value in kwargs.items())
    expected = f"{column or 'the table'}: expected {wish}" + (f" ({limits})" if limits else "")
    return f"{expected}{_observed(found, result.get('exception_info'))}"


def _observed(found: Mapping[str, Any], problem: object) -> str:
    if "observed_value" in found:
        return f", found {found['observed_value']}"
    if "unexpected_count" in found:
        shown = [str(value) for value in found.get("partial_unexpected_list", [])[:3]]
        return f", not so in {found['unexpected_count']} rows (such as {', '.join(shown)})"
    return f", could not be evaluated{_exception(problem)}"


def _exception(problem: object) -> str:
    if not isinstance(problem, Mapping):
        return ""
    inner = problem if "exception_message" in problem else next(iter(problem.values()), {})
    said = inner.get("exception_message") if isinstance(inner, Mapping) else None
    return f": {str(said)[:200]}" if said else ""
