"""Request bodies made of real rows, as callers of the example services send them.

    python -m examples.live_rows credit-risk --count 1000 > bodies.jsonl

One JSON body per line. The rows are drawn from the whole table as it was collected, so the
callers of credit-risk still send `home: parents`, which the clean-up before v3 did away with.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from examples import datasets

if TYPE_CHECKING:
    import pandas as pd


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the bodies; the same seed prints the same ones."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("service", choices=("credit-risk", "house-prices", "job-training"))
    parser.add_argument("--count", type=int, default=1000, help="how many bodies")
    parser.add_argument("--rows", type=int, default=1, help="rows in each body")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args(arguments)
    for body in bodies(asked.service, asked.count, rows=asked.rows, seed=asked.seed):
        sys.stdout.write(body + "\n")
    return 0


def bodies(service: str, count: int, *, rows: int = 1, seed: int = 0) -> Iterator[str]:
    """Yield `count` JSON bodies for POST /predict, of rows drawn at random with replacement."""
    table = features(service)
    drawn = table.sample(n=count * rows, replace=True, random_state=seed).to_dict(orient="records")
    for start in range(0, count * rows, rows):
        yield json.dumps({"input_data": {"features": drawn[start : start + rows]}})


def features(service: str) -> pd.DataFrame:
    """Return what callers of a service know: all columns that the models read."""
    if service == "credit-risk":
        return datasets.credit()[list(datasets.CREDIT_FEATURES)]
    if service == "house-prices":
        return datasets.houses().drop(columns=datasets.HOUSE_TARGET)
    return datasets.job_training()[list(datasets.TRAINING_FEATURES)]


if __name__ == "__main__":
    sys.exit(main())
