from __future__ import annotations

import pytest

from serving.runtime.bad_input import BadInputError
from serving.runtime.predictor import parse_body


def test_parses_json() -> None:
    assert parse_body(b'{"a": [1, "\xc3\xa9"]}') == {"a": [1, "é"]}


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"", "no JSON"),
        (b'{"input_data": {"fea', "no JSON"),
        (b"\xff\xfe{}", "not UTF-8"),
        (b"[" * 100_000, "nested too deeply"),
        (b"[" + b"9" * 5000 + b"]", "too many digits"),
    ],
)
def test_refuses_what_is_no_json(body: bytes, sentence: str) -> None:
    with pytest.raises(BadInputError, match=sentence):
        parse_body(body)
