from __future__ import annotations

import json
import time
from dataclasses import replace

from tiffin.errors import UnavailableError
from tiffin.intake.memory_runs import MemoryRuns
from tiffin.intake.mlflow_delivery import signature
from tiffin.intake.runs import DEPLOY_DAG
from tiffin.registry.model_version import CHALLENGER
from tiffin.release.records import Records

URL = "/webhooks/mlflow"
ALIAS_SET = {
    "entity": "model_version_alias",
    "action": "created",
    "timestamp": "2026-11-21T12:00:00+00:00",
    "data": {"name": "iris", "alias": "challenger", "version": "2"},
}


def deliver(client, told=ALIAS_SET, *, delivery="d-1", age_s=0, secret="mlflow-secret"):
    body = json.dumps(told).encode()
    when = str(int(time.time()) - age_s)
    proof = signature(secret, f"{delivery}.{when}.".encode() + body).decode()
    headers = {
        "X-MLflow-Delivery-Id": delivery,
        "X-MLflow-Timestamp": when,
        "X-MLflow-Signature": proof,
    }
    return client.post(URL, content=body, headers=headers)


def test_a_challenger_is_deployed(client, intake):
    intake.platform.registry.set_alias("iris", CHALLENGER, "2")
    answer = deliver(client)
    assert answer.status_code == 200
    assert answer.json()["done"] == ["release iris-v2-1 begins"]
    assert intake.runs.run_state(DEPLOY_DAG, "iris-v2-1") == "queued"


def test_what_counts_is_the_registry_and_not_the_delivery(client, intake):
    assert deliver(client).json()["done"] == []
    assert intake.runs.confs == {}


def test_the_same_delivery_again_does_nothing(client, intake):
    intake.platform.registry.set_alias("iris", CHALLENGER, "2")
    deliver(client)
    answer = deliver(client)
    assert (answer.status_code, answer.json()["duplicate"]) == (200, True)
    assert len(intake.runs.confs) == 1


def test_a_forged_delivery_is_refused_in_one_sentence(client, intake):
    intake.platform.registry.set_alias("iris", CHALLENGER, "2")
    answer = deliver(client, secret="guessed")
    assert answer.status_code == 401
    assert answer.json()["code"] == "webhook-forged"
    assert intake.runs.confs == {}


def test_a_replay_of_last_week_is_refused(client):
    answer = deliver(client, age_s=7 * 86_400)
    assert (answer.status_code, answer.json()["code"]) == (403, "webhook-stale")


def test_a_signed_body_of_another_shape_is_refused(client):
    answer = deliver(client, {"hello": "world"})
    assert (answer.status_code, answer.json()["code"]) == (422, "webhook-malformed")


def test_a_body_that_never_ends_is_not_read_to_its_end(client):
    answer = client.post(URL, content=b"x" * (1 << 20) + b"x")
    assert (answer.status_code, answer.json()["code"]) == (413, "body-too-large")


def test_a_delivery_that_could_not_be_acted_on_counts_as_new_when_it_comes_again(client_of, intake):
    class DownOnce(MemoryRuns):
        is_down = True

        def trigger(self, dag_id, run_id, conf):
            if self.is_down:
                raise UnavailableError("Airflow is down", code="airflow-unavailable")
            return super().trigger(dag_id, run_id, conf)

    runs = DownOnce()
    client = client_of(replace(intake, runs=runs))
    intake.platform.registry.set_alias("iris", CHALLENGER, "2")
    assert deliver(client).status_code == 503
    runs.is_down = False
    assert deliver(client).json()["done"] == ["release iris-v2-1 begins"]


def test_mlflow_is_asked_to_try_again_while_the_records_are_down(client_of, intake, tmp_path):
    down = replace(intake.platform, records=Records(f"sqlite:///{tmp_path}/nowhere/r.db"))
    answer = deliver(client_of(replace(intake, platform=down)))
    assert (answer.status_code, answer.json()["code"]) == (503, "records-unavailable")


def test_other_events_of_the_registry_are_taken_and_change_nothing(client, intake):
    intake.platform.registry.set_alias("iris", CHALLENGER, "2")
    told = {"entity": "registered_model", "action": "created", "data": {"name": "iris"}}
    assert deliver(client, told).json()["done"] == []
