from __future__ import annotations

import json
from typing import Any

import pytest

from serving.runtime.bad_input import BadInputError
from serving.runtime.signature import InputSignature, read_signature

SIGNATURE = read_signature(
    json.dumps(
        [
            {"type": "long", "name": "age", "required": True},
            {"type": "double", "name": "income", "required": True},
            {"type": "string", "name": "home", "required": True},
            {"type": "boolean", "name": "married", "required": True},
        ]
    )
)
GOOD = [30, 1200.5, "rent", True]
GOOD_OBJECT = dict(zip(SIGNATURE.names, GOOD, strict=True))


def with_cell(name: str, value: object) -> dict[str, Any]:
    return GOOD_OBJECT | {name: value}


def test_reads_a_row_as_a_list_and_as_an_object_alike() -> None:
    shuffled = dict(reversed(GOOD_OBJECT.items()))
    assert SIGNATURE.checked_rows([GOOD, shuffled]) == [GOOD, GOOD]


def test_takes_a_whole_float_for_a_whole_number_and_an_int_for_a_number() -> None:
    assert SIGNATURE.checked_rows([[30.0, 5, "rent", False]]) == [[30, 5, "rent", False]]


@pytest.mark.parametrize(
    ("features", "sentence"),
    [
        ("rent", "features: send a list of rows, not the text 'rent'"),
        (None, "features: send a list of rows, not null"),
        ({}, "features: send a list of rows, not an object"),
        ([], "features: send at least one row"),
        ([30], "features[0]: send a row as a list or an object, not 30"),
        (GOOD, "features[0]: send a row as a list or an object, not 30"),
        ([GOOD, [GOOD]], "features[1]: a row has 4 values (age, income, home, married), not 1"),
        ([GOOD[:3]], "features[0]: a row has 4 values (age, income, home, married), not 3"),
        ([[*GOOD, 1]], "features[0]: a row has 4 values (age, income, home, married), not 5"),
        ([with_cell("agee", 1)], "features[0].agee: unknown column; did you mean age?"),
        (
            [with_cell("zzz", 1)],
            "features[0].zzz: unknown column; the model reads age, income, home, married",
        ),
        ([{"age": 1}], "features[0].income: this column is missing"),
        ([with_cell("age", 30.5)], "features[0].age: send a whole number, not 30.5"),
        ([with_cell("age", True)], "features[0].age: send a whole number, not true"),
        ([with_cell("age", "30")], "features[0].age: send a whole number, not the text '30'"),
        ([with_cell("age", 2**63)], f"features[0].age: send a whole number, not {2**63}"),
        ([with_cell("age", 10**400)], "features[0].age: send a whole number, not a huge number"),
        (
            [with_cell("income", 10**400)],
            "features[0].income: send a finite number, not a huge number",
        ),
        (
            [with_cell("income", float("nan"))],
            "features[0].income: send a finite number, not NaN",
        ),
        (
            [with_cell("income", float("-inf"))],
            "features[0].income: send a finite number, not -Infinity",
        ),
        ([with_cell("income", None)], "features[0].income: send a finite number, not null"),
        ([with_cell("income", [1])], "features[0].income: send a finite number, not a list"),
        ([with_cell("home", 3)], "features[0].home: send a text, not 3"),
        ([with_cell("home", {})], "features[0].home: send a text, not an object"),
        ([with_cell("married", 1)], "features[0].married: send true or false, not 1"),
        (
            [[30, "x", "rent", True]],
            "features[0][1] (income): send a finite number, not the text 'x'",
        ),
    ],
)
def test_says_where_and_what_is_wrong(features: object, sentence: str) -> None:
    with pytest.raises(BadInputError) as refused:
        SIGNATURE.checked_rows(features)
    assert str(refused.value) == sentence


def test_repeats_only_the_start_of_a_long_text() -> None:
    with pytest.raises(BadInputError) as refused:
        SIGNATURE.checked_rows([with_cell("age", "9" * 5000)])
    assert len(str(refused.value)) < 120


def test_reads_a_tensor_signature_as_unnamed_numbers() -> None:
    spec = {"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": [-1, 3]}}
    signature = read_signature(json.dumps([spec]))
    assert isinstance(signature, InputSignature)
    assert not signature.named
    assert signature.checked_rows([[1, 2.5, 3]]) == [[1, 2.5, 3]]


@pytest.mark.parametrize(
    "specs",
    [
        [{"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": [-1, 28, 28]}}],
        [{"type": "datetime", "name": "when"}],
    ],
)
def test_refuses_a_signature_that_is_no_table(specs: list[dict[str, Any]]) -> None:
    with pytest.raises(ValueError, match="signature"):
        read_signature(json.dumps(specs))
