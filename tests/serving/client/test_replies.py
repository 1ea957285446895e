from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.client.errors import (
    BadAnswerError,
    BadRequestError,
    Circumstances,
    ClientError,
    OverloadedError,
    ServerError,
    UnavailableError,
)
from serving.client.exchange import Reply
from serving.client.protocols.grpc import GrpcOpenInference
from serving.client.protocols.open_inference import BinaryOpenInference, OpenInference
from serving.client.protocols.predict import Predict
from serving.client.replies import prediction_of

KNOWN = Circumstances("id", 1)
CODECS = [Predict(), OpenInference(), BinaryOpenInference(), GrpcOpenInference()]


def error(status: int, body: Any, **headers: str) -> ClientError:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    with pytest.raises(ClientError) as raised:
        prediction_of(Reply(status, headers, raw), Predict(), KNOWN)
    return raised.value


@pytest.mark.parametrize(
    ("body", "sentence", "path"),
    [
        ({"error": "a.b: no", "path": "a.b"}, "a.b: no", "a.b"),
        ({"error": "instances[0].age: no"}, "instances[0].age: no", "instances[0].age"),
        ({"error": "no: such"}, "no: such", ""),
        (
            {"error_code": "BAD_REQUEST", "message": "dataframe_records[1].age: no"},
            "dataframe_records[1].age: no",
            "dataframe_records[1].age",
        ),
        (b"inputs[0] (raw): no", "inputs[0] (raw): no", "inputs[0] (raw)"),
        (b"", "the server answered 400 without a word", ""),
        (b"[1]", "[1]", ""),
        (b"\xff", "\ufffd", ""),
        (b"{}", "{}", ""),
    ],
)
def test_the_sentence_and_the_path_of_every_protocols_error_are_found(
    body: Any, sentence: str, path: str
) -> None:
    found = error(400, body)
    assert type(found) is BadRequestError
    assert (found.sentence, found.path) == (sentence, path)


def test_a_page_of_a_proxy_is_cut() -> None:
    assert len(error(502, b"<" * 100_000).sentence) == 500


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("3", 3), ("0.5", 0.5), ("-1", None), ("nan", None), ("inf", None), ("soon", None)],
)
def test_retry_after_is_a_number_of_seconds_or_nothing(header: str, seconds: Any) -> None:
    for status, kind in ((429, OverloadedError), (503, UnavailableError)):
        failure = error(status, b"", **{"retry-after": header})
        assert type(failure) is kind
        assert failure.retry_after_s == seconds


@given(st.integers(100, 599).filter(lambda status: status != 200), st.binary())
def test_every_status_with_any_body_is_an_error_of_ours(status: int, body: bytes) -> None:
    failure = error(status, body)
    assert failure.sentence
    assert failure.status == status
    is_callers = 400 <= status < 500
    assert isinstance(failure, ServerError) != is_callers


@given(st.sampled_from(CODECS), st.binary(), st.sampled_from(["", "0", "3", "-1", "x"]))
def test_a_body_of_any_bytes_is_a_prediction_or_an_error_of_ours(
    codec: Any, body: bytes, length: str
) -> None:
    headers = {"inference-header-content-length": length} if length else {}
    with suppress(BadAnswerError):
        prediction_of(Reply(200, headers, body), codec, KNOWN)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["outputs", "name", "shape", "datatype", "data", "parameters", "predictions"]
            ),
            inner,
        )
    ),
)


@given(st.sampled_from(CODECS[:3]), JSON)
def test_a_body_of_any_json_is_a_prediction_or_an_error_of_ours(codec: Any, value: Any) -> None:
    with suppress(BadAnswerError):
        prediction_of(Reply(200, {}, json.dumps(value).encode()), codec, KNOWN)
