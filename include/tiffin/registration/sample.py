"""A sample of rows: read, told apart into what the model reads and the truth, and made whole."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tiffin.registration.columns import Columns, Reads, choose_columns
from tiffin.registration.refusals import bad_sample
from tiffin.validation.evaluation_data import BadTableError, read_table

if TYPE_CHECKING:
    import pandas as pd

MOST_ROWS = 100_000
_EXAMPLES = 3


@dataclass(frozen=True)
class Sample:
    """Rows without gaps; `table` has the columns that the model reads, and then the truth."""

    table: pd.DataFrame
    columns: Columns
    left_out: int
    """Rows with an empty cell, which a request can't have."""

    @property
    def features(self) -> pd.DataFrame:
        """The columns that the model reads."""
        return self.table[list(self.columns.features)]


def read_sample(file: Path, reads: Reads, target: str | None) -> Sample:
    """Read a CSV file as the sample of a model; RefusedError `bad-sample` when it is none."""
    try:
        table = read_table(file)
    except BadTableError as problem:
        raise bad_sample(f"{problem} ({file.name})") from None
    if len(table) > MOST_ROWS:
        raise bad_sample(f"{file.name} has {len(table)} rows; give at most {MOST_ROWS} of them")
    columns = choose_columns(reads, [str(name) for name in table.columns], target)
    kept = [*columns.features, *([columns.truth] if columns.truth else [])]
    whole = table[kept].dropna()
    if whole.empty:
        raise bad_sample(f"every row of {file.name} has an empty cell; give rows that have none")
    return Sample(whole.reset_index(drop=True), columns, len(table) - len(whole))


def made_up_features(reads: Reads) -> Any:
    """Return one row of zeros, for want of a sample; RefusedError where even its width is open."""
    import numpy as np
    import pandas as pd

    if reads.names is not None:
        return pd.DataFrame([[0.0] * len(reads.names)], columns=list(reads.names))
    if reads.width is not None:
        return np.zeros((1, reads.width))
    raise bad_sample("the model does not say which columns it reads; give a few rows with --data")


def examples_of(features: Any) -> Any:
    """Return the few rows that are logged with the model."""
    return features[:_EXAMPLES]


def as_sent(features: Any) -> dict[str, Any] | list[Any]:
    """Return the first row as a caller would send it in JSON."""
    if not hasattr(features, "columns"):
        return list(features[0].tolist())
    text = features.head(1).to_json(orient="records", double_precision=15)
    return dict(json.loads(text)[0])
