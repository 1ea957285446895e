from __future__ import annotations

from typing import Any

import pytest

from serving.runtime.bad_input import BadInputError
from serving.runtime.errors import FeaturesUnavailableError
from serving.runtime.features.filling import Filled, Filler, outcome_of
from serving.runtime.features.keyed_rows import KeyedRows
from serving.runtime.features.keyed_signature import KeyedSignature
from serving.runtime.features.online_store import Found, Outcome, StoreError
from tests.serving.runtime.features.keyed import SIGNATURE, section

LATE = StoreError("the feature store didn't answer within 50 ms", outcome=Outcome.LATE)


def asked(*rows: dict[str, Any]) -> KeyedRows:
    read = KeyedSignature.of(SIGNATURE, section()).checked([{"amount": 1} | row for row in rows])
    assert isinstance(read, KeyedRows)
    return read


def filled(found: Found | StoreError, *rows: dict[str, Any], **changes: Any) -> Filled:
    return Filler(SIGNATURE.columns, section(**changes)).filled(asked(*rows), found)


def test_what_the_store_has_fills_the_holes() -> None:
    found = {7: {"age": 30, "home": "rent"}, 8: {"age": 40, "home": "own"}}
    done = filled(found, {"customer_id": 8}, {"customer_id": 7}, {"customer_id": 8})
    assert done.rows.cells == [[1, 40, "own"], [1, 30, "rent"], [1, 40, "own"]]
    assert done.defaulted == ((), (), ())


def test_what_was_sent_wins() -> None:
    done = filled({7: {"age": 30, "home": "rent"}}, {"customer_id": 7, "home": "castle"})
    assert done.rows.cells == [[1, 30, "castle"]]


def test_what_the_store_lacks_has_its_default_and_that_is_said() -> None:
    done = filled({7: {"age": 30}}, {"customer_id": 7}, {"age": 1, "home": "own"})
    assert done.rows.cells == [[1, 30, "none"], [1, 1, "own"]]
    assert done.defaulted == (("home",), ())


def test_without_a_default_the_caller_has_to_send_it() -> None:
    with pytest.raises(BadInputError) as refused:
        filled({7: {"age": 1}}, {"customer_id": 7}, {"customer_id": 8})
    assert refused.value.path == "features[1].age"
    assert refused.value.sentence == (
        "the feature store has none for this customer_id, and there is no default; send it"
    )


def test_without_an_answer_there_are_the_defaults() -> None:
    done = filled(LATE, {"customer_id": 7}, defaults={"age": 0, "home": "none"})
    assert done.rows.cells == [[1, 0, "none"]]
    assert done.defaulted == (("age", "home"),)


def test_without_an_answer_or_a_default_it_is_nobodys_mistake() -> None:
    with pytest.raises(FeaturesUnavailableError) as failed:
        filled(LATE, {"customer_id": 7})
    assert str(failed.value) == (
        "the feature store didn't answer within 50 ms, and age has no default; "
        "send it, or ask again"
    )


@pytest.mark.parametrize("value", ["old", 30.5, True, None, float("nan")])
def test_a_value_of_another_type_is_the_stores_mistake(value: object) -> None:
    with pytest.raises(FeaturesUnavailableError, match="age is not a whole number"):
        filled({7: {"age": value, "home": "own"}}, {"customer_id": 7})


def test_a_whole_number_that_a_store_keeps_as_a_float_is_one() -> None:
    cells = filled({7: {"age": 30.0, "home": "own"}}, {"customer_id": 7}).rows.cells
    assert [type(cell) for cell in cells[0]] == [int, int, str]


def test_the_callers_rows_stay_as_they_are() -> None:
    rows = asked({"customer_id": 7})
    before = [list(row) for row in rows.cells]
    Filler(SIGNATURE.columns, section()).filled(rows, {7: {"age": 1, "home": "own"}})
    assert rows.cells == before


@pytest.mark.parametrize(
    ("found", "outcome"),
    [
        ({7: {"age": 1, "home": "own"}, 8: {"age": 1}}, Outcome.FOUND),
        ({7: {"age": 1}, 8: {"age": 1}}, Outcome.INCOMPLETE),
        ({}, Outcome.INCOMPLETE),
        (LATE, Outcome.LATE),
    ],
)
def test_a_lookup_ends_in_one_of_a_few_ways(found: Any, outcome: Outcome) -> None:
    rows = asked({"customer_id": 7}, {"customer_id": 8, "home": "own"})
    assert outcome_of(rows, found, SIGNATURE.columns) is outcome
