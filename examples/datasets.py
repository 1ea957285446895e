"""The tables of examples/data, ready to train on and to ask about."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

DATA = Path(__file__).resolve().parent / "data"

CREDIT_FEATURES = (
    "seniority",
    "home",
    "time",
    "age",
    "marital",
    "records",
    "job",
    "expenses",
    "income",
    "assets",
    "debt",
    "amount",
    "price",
)
CREDIT_TARGET = "status"
HOUSE_TARGET = "sale_price"
TRAINING_FEATURES = ("age", "educ", "black", "hisp", "marr", "nodegree", "re74", "re75")
TRAINING_OUTCOME = "re78"
TRAINING_TREATMENT = "treat"


def credit() -> pd.DataFrame:
    """Return loan applications; a missing amount is 0, a missing answer is `unknown`.

    What the applicant left open is filled before the data reaches a model, the same way in
    training and in the form that callers fill in.
    """
    table = _read("credit_data.csv")
    for column in table.columns:
        if column in ("income", "assets", "debt"):
            table[column] = table[column].fillna(0).astype("int64")
        elif table[column].dtype.kind not in "iuf":
            table[column] = table[column].fillna("unknown").astype("object")
    return table


def credit_after_the_clean_up() -> pd.DataFrame:
    """Return the applications as a clean-up of the warehouse left them.

    Living with one's parents became `other`, and incomplete applications were dropped. Nobody
    told the callers, who still send `parents`: a model trained on this table looks good on every
    test that is made of this table.
    """
    table = credit()
    table["home"] = table["home"].replace({"parents": "other", "ignore": "other"})
    return table[~table.isin(["unknown"]).any(axis=1)]


def houses() -> pd.DataFrame:
    """Return houses and their prices; rooms and areas as numbers, the rest as texts."""
    table = _read("house_prices.csv")
    texts = table.select_dtypes(exclude="number").columns
    return table.astype(dict.fromkeys(texts, "object"))


def job_training() -> pd.DataFrame:
    """Return the people of the job training experiment, treated and not."""
    return _read("nsw_mixtape.csv")


def _read(name: str) -> pd.DataFrame:
    import pandas as pd

    return pd.read_csv(DATA / name)
