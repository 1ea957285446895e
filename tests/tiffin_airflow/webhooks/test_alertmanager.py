from __future__ import annotations

import json
from dataclasses import replace

import pytest

from tiffin.errors import UnavailableError
from tiffin.intake.memory_runs import MemoryRuns
from tiffin.intake.runs import ROLLBACK_DAG
from tiffin.release.phases import Phase
from tiffin.release.records import Records
from tiffin.release.steps.promoting import ensure_promoted
from tiffin.traffic.memory_router import MemoryRouter

URL = "/webhooks/alertmanager"
ALERT = {
    "status": "firing",
    "labels": {"alertname": "HighErrors", "service": "iris", "severity": "critical"},
    "annotations": {"summary": "1 in 3 requests fails"},
    "startsAt": "2026-11-21T12:00:00Z",
    "fingerprint": "c0ffee",
}
ROLLBACK = "alert-c0ffee-1795262400"


def send(client, *alerts, token="alert-token"):
    body = json.dumps({"version": "4", "alerts": alerts})
    return client.post(URL, content=body, headers={"Authorization": f"Bearer {token}"})


def labelled(**labels):
    return {**ALERT, "labels": ALERT["labels"] | labels}


@pytest.fixture
def promoted(platform, ready_to_ramp):
    """Version 2 has been promoted over version 1; its watch is on."""
    release = ready_to_ramp("2")
    platform.records.move(release.id, Phase.RAMPING)
    return ensure_promoted(platform, release.id)


def fallback(platform) -> str:
    route = platform.router.read("iris")
    assert route is not None
    return route.split.fallback


def test_an_alert_moves_the_traffic_back_within_the_request(client, intake, promoted):
    answer = send(client, ALERT)
    assert answer.status_code == 200
    (said,) = answer.json()["alerts"]
    assert (said["moved"], said["from"], said["to"]) == (True, "v2-abcdef01", "v1-01abcdef")
    assert fallback(intake.platform) == "v1-01abcdef"


def test_the_dag_gets_the_bad_revision_and_finishes_the_rest(client, intake, promoted):
    send(client, ALERT)
    assert intake.runs.confs[ROLLBACK_DAG, ROLLBACK] == {
        "service": "iris",
        "revision": "v2-abcdef01",
        "reason": "HighErrors: 1 in 3 requests fails",
        "actor": "alertmanager",
    }


def test_the_same_alert_again_changes_nothing(client, intake, promoted):
    send(client, ALERT)
    generation = intake.platform.router.read("iris").generation
    answer = send(client, ALERT)
    assert answer.status_code == 200
    assert answer.json()["alerts"][0]["run"] == "known"
    assert intake.platform.router.read("iris").generation == generation


def test_an_alert_that_goes_on_firing_does_not_hit_the_next_release(client, intake, promoted):
    send(client, ALERT)
    router = intake.platform.router
    router.take_over("iris", "iris-v3-1", generation=router.read("iris").generation)
    promoted_again = router.read("iris").split.promoted("v2-abcdef01")
    router.write(promoted_again, release="iris-v3-1", previous="v1-01abcdef")
    send(client, ALERT)
    assert fallback(intake.platform) == "v2-abcdef01"


@pytest.mark.parametrize("token", ["", "wrong", "alert-toke", "älert"])
def test_a_wrong_token_moves_nothing(client, intake, promoted, token):
    body = json.dumps({"version": "4", "alerts": [ALERT]})
    headers = {"Authorization": f"Bearer {token}".encode()}
    answer = client.post(URL, content=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "token-wrong")
    assert fallback(intake.platform) == "v2-abcdef01"


def test_the_traffic_goes_back_while_the_database_is_down(client_of, intake, promoted, tmp_path):
    class DownRuns(MemoryRuns):
        def trigger(self, dag_id, run_id, conf):
            raise UnavailableError("no database", code="airflow-unavailable")

    down = replace(intake.platform, records=Records(f"sqlite:///{tmp_path}/nowhere/r.db"))
    answer = send(client_of(replace(intake, platform=down, runs=DownRuns())), ALERT)
    assert fallback(intake.platform) == "v1-01abcdef"
    assert answer.status_code == 503
    assert answer.json()["alerts"][0]["moved"] is True


def test_the_dag_does_it_all_when_the_router_is_down(client_of, intake):
    class DownRouter(MemoryRouter):
        def read(self, service):
            raise UnavailableError("no router", code="router-unavailable")

    platform = replace(intake.platform, router=DownRouter())
    answer = send(client_of(replace(intake, platform=platform)), ALERT)
    assert answer.status_code == 503
    assert intake.runs.run_state(ROLLBACK_DAG, ROLLBACK) == "queued"


def test_an_alert_for_an_unknown_service_is_refused_with_its_reason(client, intake):
    answer = send(client, labelled(service="nobody"))
    assert answer.status_code == 422
    (error,) = answer.json()["alerts"][0]["errors"]
    assert error["code"] == "unknown-service"
    assert intake.runs.confs == {}


def test_one_unknown_service_does_not_keep_another_from_its_rollback(client, intake, promoted):
    answer = send(client, labelled(service="nobody") | {"fingerprint": "bad"}, ALERT)
    assert answer.status_code == 200
    assert [said["moved"] for said in answer.json()["alerts"]] == [False, True]


def test_nothing_to_go_back_to_is_said(client):
    answer = send(client, ALERT)
    assert answer.status_code == 422
    assert answer.json()["alerts"][0]["errors"][0]["code"] == "nothing-to-roll-back-to"


def test_a_refused_alert_does_not_hit_the_cure_when_it_comes_again(
    client, intake, platform, ready_to_ramp
):
    assert send(client, ALERT).status_code == 422
    cure = ready_to_ramp("2")
    platform.records.move(cure.id, Phase.RAMPING)
    ensure_promoted(platform, cure.id)
    again = send(client, ALERT)
    assert again.status_code == 422
    assert again.json()["alerts"][0]["errors"][0]["code"] == "alert-refused-before"
    assert fallback(platform) == "v2-abcdef01"
    assert (ROLLBACK_DAG, ROLLBACK) not in intake.runs.confs


def test_a_resolved_alert_is_taken_and_does_nothing(client, intake, promoted):
    answer = send(client, ALERT | {"status": "resolved"})
    assert (answer.status_code, answer.json()) == (200, {"alerts": []})


def test_a_payload_of_another_shape_is_refused(client):
    headers = {"Authorization": "Bearer alert-token"}
    answer = client.post(URL, content=b"[]", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "alert-malformed")
