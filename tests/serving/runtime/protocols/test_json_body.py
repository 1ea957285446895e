from __future__ import annotations

import math

import pytest

from serving.runtime.bad_input import BadInputError
from serving.runtime.protocols.json_body import Fields, json_of, parse_json
from serving.runtime.protocols.wire import UnsupportedMediaTypeError, WireRequest


def test_parses_json() -> None:
    assert parse_json(b'{"a": [1, "\xc3\xa9"]}') == {"a": [1, "é"]}


def test_lets_what_only_python_sends_through_to_the_signature() -> None:
    parsed = parse_json(b"[NaN, -Infinity, 1e999]")
    assert isinstance(parsed, list)
    assert math.isnan(parsed[0])
    assert parsed[1:] == [-math.inf, math.inf]


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"", "no JSON"),
        (b'{"input_data": {"fea', "no JSON"),
        (b"\xff\xfe{}", "not UTF-8 \\(byte 0\\)"),
        (b"\xef\xbb\xbf{}", "no JSON"),
        (b"[" * 100_000, "nested too deeply"),
        (b"[" + b"9" * 5000 + b"]", "too many digits"),
        (b'["\\ud800", NaN]', "surrogate"),
    ],
)
def test_refuses_what_is_no_json(body: bytes, sentence: str) -> None:
    with pytest.raises(BadInputError, match=sentence):
        parse_json(body)


@pytest.mark.parametrize(
    "content_type", ["", "application/json", "application/json; charset=utf-8", "Application/JSON"]
)
def test_takes_json_by_its_names_and_by_none(content_type: str) -> None:
    assert json_of(WireRequest(b"[1]", content_type)) == [1]


@pytest.mark.parametrize("content_type", ["text/plain", "application/vnd.bentoml+pickle", "json"])
def test_names_the_type_that_it_wants(content_type: str) -> None:
    with pytest.raises(UnsupportedMediaTypeError, match="send application/json, not"):
        json_of(WireRequest(b"[1]", content_type))


FIELDS = Fields("name", "shape", optional=("data",))


def test_returns_an_object_with_the_right_fields() -> None:
    for given in ({"name": 1, "shape": 2}, {"name": 1, "shape": 2, "data": 3}):
        assert FIELDS.of(given, "here") is given


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (None, 'here: here must be an object such as {"name": ...}'),
        ([1], 'here: here must be an object such as {"name": ...}'),
        ({"name": 1}, "here.shape: this field is missing"),
        ({"name": 1, "shape": 2, "dtype": 3}, "here.dtype: unknown field; send name, shape"),
        ({"name": 1, "dtype": 3}, "here.dtype: unknown field; send name, shape"),
    ],
)
def test_says_which_field_is_wrong(given: object, sentence: str) -> None:
    with pytest.raises(BadInputError) as refused:
        FIELDS.of(given, "here")
    assert str(refused.value) == sentence


def test_the_outermost_object_is_called_the_body() -> None:
    with pytest.raises(BadInputError, match=r"^the body must be an object"):
        FIELDS.of(3)
