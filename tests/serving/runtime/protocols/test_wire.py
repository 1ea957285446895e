from __future__ import annotations

import numpy as np
import orjson
import pytest

from serving.runtime.bad_input import BadInputError
from serving.runtime.protocols.wire import (
    UnsupportedMediaTypeError,
    json_answer,
    status_of,
    to_json,
)


def test_writes_arrays_of_numbers_and_of_texts_as_lists() -> None:
    fields = {"a": np.array([[1.5, 2.0]]), "b": np.array(["é", "b"], dtype=object)}
    assert orjson.loads(to_json(fields)) == {"a": [[1.5, 2.0]], "b": ["é", "b"]}


def test_writes_an_array_that_does_not_lie_row_by_row() -> None:
    assert to_json(np.asfortranarray([[1, 2], [3, 4]])) == b"[[1,2],[3,4]]"


def test_what_no_answer_can_hold_is_an_error() -> None:
    with pytest.raises(TypeError):
        to_json({"a": object()})


def test_an_unknown_type_is_415_and_a_bad_body_400() -> None:
    assert status_of(UnsupportedMediaTypeError("text/xml", "application/json")) == 415
    assert status_of(BadInputError("a", "b")) == 400


def test_an_answer_is_json() -> None:
    answer = json_answer(503, {"ready": False})
    assert (answer.status, answer.body) == (503, b'{"ready":false}')
    assert answer.content_type == "application/json"
