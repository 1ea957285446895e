from __future__ import annotations

import json
import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiffin.errors import RefusedError
from tiffin.intake.alerts import alerts_that_roll_back

STARTED = "2026-11-21T12:00:00Z"


def alert(**changes):
    labels = {"alertname": "HighErrors", "service": "iris", "severity": "critical"}
    return {
        "status": "firing",
        "labels": labels | changes.pop("labels", {}),
        "annotations": {"summary": "1 in 3 requests fails"},
        "startsAt": STARTED,
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://prometheus/graph",
        "fingerprint": "c0ffee00c0ffee00",
    } | changes


def payload(*alerts, **changes) -> bytes:
    told = {"version": "4", "status": "firing", "receiver": "tiffin", "groupKey": "{}:{}"}
    return json.dumps(told | {"alerts": list(alerts)} | changes).encode()


def without_service():
    labels = {"alertname": "HighErrors", "severity": "critical"}
    return {**alert(), "labels": labels}


def test_a_critical_alert_of_a_service_rolls_back():
    (found,) = alerts_that_roll_back(payload(alert()))
    assert (found.service, found.revision) == ("iris", None)
    assert found.summary == "HighErrors: 1 in 3 requests fails"
    assert found.starts_at == datetime(2026, 11, 21, 12, tzinfo=UTC)


def test_the_revision_is_taken_from_its_label():
    (found,) = alerts_that_roll_back(payload(alert(labels={"revision": "v2-abc"})))
    assert found.revision == "v2-abc"


@pytest.mark.parametrize(
    ("labels", "rolls_back"),
    [
        ({"severity": "warning"}, False),
        ({"severity": "warning", "tiffin_action": "rollback"}, True),
        ({"tiffin_action": "none"}, False),
        ({"tiffin_action": "rollback"}, True),
    ],
)
def test_which_labels_roll_back(labels, rolls_back):
    assert bool(alerts_that_roll_back(payload(alert(labels=labels)))) is rolls_back


def test_a_critical_alert_of_no_service_does_nothing():
    assert alerts_that_roll_back(payload(without_service())) == ()


def test_a_resolved_alert_does_nothing():
    assert alerts_that_roll_back(payload(alert(status="resolved"))) == ()


def test_the_repetition_of_an_alert_is_the_same_rollback():
    (first,) = alerts_that_roll_back(payload(alert()))
    (again,) = alerts_that_roll_back(payload(alert(annotations={"summary": "1 in 2"})))
    (later,) = alerts_that_roll_back(payload(alert(startsAt="2026-11-21T13:00:00Z")))
    assert first.rollback == again.rollback
    assert first.rollback != later.rollback


def test_one_alert_twice_in_a_payload_is_one():
    assert len(alerts_that_roll_back(payload(alert(), alert()))) == 1


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        payload(version="3"),
        payload(alert(fingerprint="../../etc")),
        payload(alert(startsAt="yesterday")),
        payload(alert(startsAt="2026-11-21T12:00:00")),
        payload(*[alert()] * 101),
    ],
)
def test_refuses_what_is_no_payload_of_version_4(body: bytes):
    with pytest.raises(RefusedError) as refused:
        alerts_that_roll_back(body)
    assert refused.value.code == "alert-malformed"
    assert "\n" not in refused.value.message


@given(st.from_regex(r"[0-9a-zA-Z]{1,64}", fullmatch=True), st.datetimes())
def test_a_rollback_id_is_a_legal_run_id(fingerprint: str, starts: datetime):
    sent = alert(fingerprint=fingerprint, startsAt=starts.replace(tzinfo=UTC).isoformat())
    (found,) = alerts_that_roll_back(payload(sent))
    assert re.fullmatch(r"[A-Za-z0-9_.~:+-]+", found.rollback)
    assert len(found.rollback) <= 250
