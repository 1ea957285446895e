"""The customers of the online stores' contract, as records."""

from __future__ import annotations

import csv
from typing import Any

from tests.serving.runtime.features.conftest import CREDIT_DATA

CUSTOMERS = 5


def records() -> list[dict[str, Any]]:
    with CREDIT_DATA.open(newline="") as stream:
        rows = [row for row, _ in zip(csv.DictReader(stream), range(CUSTOMERS), strict=False)]
    made = [
        {
            "customer_id": index,
            "seniority": int(row["seniority"]),
            "home": row["home"],
            "income": float(row["income"]),
        }
        for index, row in enumerate(rows, start=1)
    ]
    made[2]["home"] = None
    return made
