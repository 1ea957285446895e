from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from tiffin.validation.expectations import BadSuiteError, read_suite, surprises

SUITES = Path(__file__).parents[2] / "include" / "expectations"


def not_null(column: str) -> dict:
    return {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": column}}


def test_says_which_column_is_not_as_expected_and_where():
    table = pd.DataFrame({"a": [1, None, 3], "b": ["x", "y", "z"]})
    among = {
        "type": "expect_column_values_to_be_in_set",
        "kwargs": {"column": "b", "value_set": ["x", "y"]},
    }
    rows = {"type": "expect_table_row_count_to_equal", "kwargs": {"value": 4}}
    found = sorted(surprises(table, [not_null("a"), not_null("b"), among, rows, not_null("c")]))
    assert [sentence.split(":")[0] for sentence in found] == ["a", "b", "c", "the table"]
    assert "1 rows" in found[0]
    assert "such as z" in found[1]
    assert "could not be evaluated" in found[2]
    assert "found 3" in found[3]


def test_refuses_an_expectation_that_nobody_knows():
    with pytest.raises(BadSuiteError, match="can't use expect_luck"):
        surprises(pd.DataFrame({"a": [1]}), [{"type": "expect_luck", "kwargs": {}}])


@pytest.mark.parametrize("text", ["", "{}", '{"expectations": [{"type": "x"}]}', "[]"])
def test_refuses_a_suite_that_it_cannot_read(tmp_path, text):
    (tmp_path / "s.json").write_text(text)
    with pytest.raises(BadSuiteError, match="can't be read"):
        read_suite(tmp_path, "s")


@pytest.mark.parametrize("name", ["none", "../expectations/credit_risk", "/etc/passwd", ""])
def test_refuses_a_suite_that_is_not_there(name):
    with pytest.raises(BadSuiteError, match="no suite"):
        read_suite(SUITES, name)


@pytest.mark.parametrize("file", sorted(SUITES.glob("*.json")), ids=lambda file: file.stem)
def test_the_published_suites_can_be_read(file):
    assert json.loads(file.read_text())["name"] == file.stem
    assert len(read_suite(SUITES, file.stem)) > 10
