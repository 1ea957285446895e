from __future__ import annotations

from pathlib import Path

import pytest

from tiffin.validation.check import Outcome
from tiffin.validation.description import Description
from tiffin.validation.evaluation_data import (
    BadTableError,
    check_columns,
    check_expectations,
    read_table,
)

PROJECT = Path(__file__).parents[2]
NAMED = Description({}, ("age", "debt"), 2, None)


def read(tmp_path, text: str):
    (tmp_path / "data.csv").write_text(text)
    return read_table(tmp_path / "data.csv")


@pytest.mark.parametrize("text", ["", "a,b\n", 'a,b\n"1', "\0"])
def test_refuses_what_is_no_table_with_rows(tmp_path, text):
    with pytest.raises(BadTableError):
        read(tmp_path, text)


def test_a_text_that_looks_like_nothing_stays_a_text(tmp_path):
    table = read(tmp_path, "age,debt,status\n1,NA,None\n2,,x\n")
    assert table["debt"].isna().tolist() == [False, True]
    assert table["status"].tolist() == ["None", "x"]


@pytest.mark.parametrize(("header", "target", "said"), [
    ("age,status", "status", "lacks debt"),
    ("age,debt", "status", "lacks status"),
    ("age,debt,status", "debt", "the truth itself"),
])  # fmt: skip
def test_refuses_the_wrong_columns(tmp_path, header, target, said):
    table = read(tmp_path, f"{header}\n" + ",".join("1" for _ in header.split(",")) + "\n")
    found = check_columns(table, NAMED, target)
    assert found.outcome is Outcome.FAILED
    assert said in found.sentence


def test_passes_further_columns_and_plain_arrays(tmp_path):
    table = read(tmp_path, "treated,debt,age,status\n1,2,3,x\n")
    assert check_columns(table, NAMED, "status").outcome is Outcome.PASSED
    assert check_columns(table, Description({}, None, 3, None), "status").outcome is Outcome.PASSED
    assert check_columns(table, Description({}, None, 4, None), "status").outcome is Outcome.FAILED


@pytest.mark.parametrize(("suite", "data"), [
    ("credit_risk", "credit_data.csv"), ("house_prices", "house_prices.csv"),
    ("job_training", "nsw_mixtape.csv"),
])  # fmt: skip
def test_the_suites_know_good_data_of_the_examples_from_spoiled(suite, data):
    table = read_table(PROJECT / "examples" / "data" / data).dropna()
    suites = PROJECT / "include" / "expectations"
    assert check_expectations(table, suites, suite).outcome is Outcome.PASSED
    column = "age" if "age" in table else "year_built"
    spoiled = check_expectations(table.assign(**{column: -1}), suites, suite)
    assert spoiled.outcome is Outcome.FAILED
    assert column in spoiled.sentence


def test_a_service_may_name_no_suite(tmp_path):
    table = read(tmp_path, "a\n1\n")
    assert check_expectations(table, tmp_path, None).outcome is Outcome.SKIPPED
    assert check_expectations(table, tmp_path, "none").outcome is Outcome.FAILED
