from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tiffin.errors import RefusedError
from tiffin.intake.mlflow_delivery import signature, verified

SECRET = "a-secret"
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
ALIAS_SET = {
    "entity": "model_version_alias",
    "action": "created",
    "timestamp": "2026-11-21T12:00:00+00:00",
    "data": {"name": "iris", "alias": "challenger", "version": "2"},
}


def signed(body: bytes, *, at: datetime = NOW, secret: str = SECRET, delivery: str = "d-1"):
    when = str(int(at.timestamp()))
    proof = signature(secret, f"{delivery}.{when}.".encode() + body).decode()
    return {
        "X-MLflow-Delivery-Id": delivery,
        "X-MLflow-Timestamp": when,
        "X-MLflow-Signature": proof,
    }


def body_of(told: object = ALIAS_SET) -> bytes:
    return json.dumps(told).encode()


def refusal(headers, body: bytes) -> str:
    with pytest.raises(RefusedError) as refused:
        verified(SECRET, headers, body, NOW)
    return refused.value.code


def test_reads_what_the_registry_signed():
    delivery = verified(SECRET, signed(body_of()), body_of(), NOW)
    assert (delivery.id, delivery.entity, delivery.action) == (
        "d-1",
        "model_version_alias",
        "created",
    )
    assert delivery.model == "iris"


def test_header_names_are_read_in_any_case():
    headers = {name.lower(): value for name, value in signed(body_of()).items()}
    assert verified(SECRET, headers, body_of(), NOW).id == "d-1"


def test_refuses_what_somebody_else_signed():
    assert refusal(signed(body_of(), secret="another"), body_of()) == "webhook-forged"


def test_refuses_what_nobody_signed():
    assert refusal({}, body_of()) == "webhook-forged"


def test_refuses_a_signature_moved_to_another_delivery():
    headers = signed(body_of()) | {"X-MLflow-Delivery-Id": "d-2"}
    assert refusal(headers, body_of()) == "webhook-forged"


def test_refuses_a_replay_with_a_fresh_timestamp():
    headers = signed(body_of(), at=NOW - timedelta(days=1))
    headers["X-MLflow-Timestamp"] = str(int(NOW.timestamp()))
    assert refusal(headers, body_of()) == "webhook-forged"


@pytest.mark.parametrize("seconds", [-301, 301])
def test_refuses_what_was_sent_too_long_ago_or_will_be_sent(seconds: int):
    headers = signed(body_of(), at=NOW + timedelta(seconds=seconds))
    assert refusal(headers, body_of()) == "webhook-stale"


@pytest.mark.parametrize("seconds", [-300, 300])
def test_takes_what_is_just_young_enough(seconds: int):
    headers = signed(body_of(), at=NOW + timedelta(seconds=seconds))
    assert verified(SECRET, headers, body_of(), NOW)


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b"\xff\xfe", body_of({"entity": "e"}), b"[" * 100_000],
)
def test_refuses_a_signed_body_that_says_nothing(body: bytes):
    assert refusal(signed(body), body) == "webhook-malformed"


def test_refuses_a_name_that_is_no_text():
    body = body_of(ALIAS_SET | {"data": {"name": 7}})
    assert refusal(signed(body), body) == "webhook-malformed"


def test_refuses_a_delivery_id_that_no_record_could_hold():
    assert refusal(signed(body_of(), delivery="x" * 201), body_of()) == "webhook-malformed"


@given(st.binary(max_size=200), st.integers(0, 199), st.integers(1, 255))
def test_a_single_altered_byte_is_found(body: bytes, place: int, change: int):
    assume(place < len(body))
    altered = bytearray(body)
    altered[place] ^= change
    assert refusal(signed(body), bytes(altered)) == "webhook-forged"


@given(st.text(max_size=40), st.text(max_size=20), st.text(max_size=60), st.binary(max_size=50))
def test_nothing_unsigned_is_ever_believed(delivery: str, when: str, proof: str, body: bytes):
    headers = {
        "X-MLflow-Delivery-Id": delivery,
        "X-MLflow-Timestamp": when,
        "X-MLflow-Signature": proof,
    }
    assert refusal(headers, body) == "webhook-forged"
