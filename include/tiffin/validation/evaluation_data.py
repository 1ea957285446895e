"""Is the evaluation data what the model reads, with the truth beside it, and as expected?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tiffin.validation.check import CheckResult, failed, passed, skipped
from tiffin.validation.description import Description
from tiffin.validation.expectations import BadSuiteError, read_suite, surprises

if TYPE_CHECKING:
    import pandas as pd

COLUMNS, EXPECTATIONS = "evaluation data", "expectations on the data"


class BadTableError(ValueError):
    """The file is no table with rows; the message is one sentence."""


def read_table(file: Path) -> pd.DataFrame:
    """Read the CSV file; raise BadTableError when it is none or has no rows."""
    import pandas as pd

    try:
        table = pd.read_csv(file, keep_default_na=False, na_values=[""])
    except (ValueError, OSError) as error:  # pandas' and the codecs' errors are ValueErrors
        brief = " ".join(str(error).split())[:200]
        raise BadTableError(f"the evaluation data can't be read as CSV: {brief}") from error
    if table.empty:
        raise BadTableError("the evaluation data has no rows; log at least a hundred")
    return table


def check_columns(table: pd.DataFrame, description: Description, target: str) -> CheckResult:
    """Compare the columns with the signature and the target; further columns do no harm."""
    present = [str(column) for column in table.columns]
    wanted = [*(description.inputs or ()), target]
    missing = [column for column in wanted if column not in present]
    if missing:
        return failed(
            COLUMNS,
            f"the evaluation data lacks {', '.join(missing)}; log the signature's columns and "
            f"{target}",
            (f"it has: {', '.join(present)}",),
        )
    if target in (description.inputs or ()):
        return failed(COLUMNS, f"the model reads {target}, the truth itself; train it without")
    if description.inputs is None and len(present) - 1 < description.width:
        return failed(
            COLUMNS,
            f"the evaluation data has {len(present) - 1} columns beside {target}, the model reads "
            f"{description.width}",
        )
    return passed(COLUMNS, f"{len(table)} rows with the signature's columns and {target}")


def check_expectations(table: pd.DataFrame, folder: Path, suite: str | None) -> CheckResult:
    """Hold the table against the service's suite."""
    if suite is None:
        return skipped(EXPECTATIONS, "the service names no suite")
    try:
        expectations = read_suite(folder, suite)
        found = surprises(table, expectations)
    except BadSuiteError as problem:
        return failed(EXPECTATIONS, str(problem))
    if found:
        return failed(EXPECTATIONS, f"the evaluation data is not as expected: {found[0]}", found)
    return passed(EXPECTATIONS, f"all {len(expectations)} expectations of {suite} are met")
