"""The whole way on the real stack, as users go it: by command line, webhook and alert.

The tests are scenes of one story on one service. Each makes sure of the version it begins with,
so one that fails does not take the others with it.
"""

import json
import shutil
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.e2e.delivery import SERVICE, Delivery, run_module
from tests.e2e.patient_load import LoadReport
from tiffin.registry.model_version import BAD_TAG, CHALLENGER, CHAMPION
from tiffin.release.phases import Phase

pytestmark = [pytest.mark.stack, pytest.mark.timeout(900)]


@pytest.fixture
def v1(delivery: Delivery) -> str:
    return delivery.versions["v1"]


@pytest.fixture
def v2(delivery: Delivery) -> str:
    return delivery.versions["v2"]


@pytest.fixture
def bad(delivery: Delivery) -> str:
    return delivery.versions["v3"]


def champion(delivery: Delivery) -> str | None:
    found = delivery.platform.registry.version_by_alias(SERVICE, CHAMPION)
    return found.version if found else None


def nothing_failed(report: LoadReport) -> bool:
    assert report.sent
    return not report.failures


def test_the_first_version_is_deployed_and_answers(delivery: Delivery, v1: str):
    if delivery.live_version is None:
        code, ended, said = delivery.deploy(v1)
        assert (code, ended["phase"]) == (0, "Successful"), said
    body = delivery.bodies.read_bytes().splitlines()[0]
    answer = httpx.post(delivery.url, content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 200
    assert answer.headers["x-tiffin-revision"] == delivery.route.split.fallback
    assert champion(delivery) == delivery.live_version


def test_a_good_version_is_promoted_by_a_wish_in_the_registry(delivery: Delivery, v1: str, v2: str):
    delivery.ensure_live(v1)
    before = delivery.newest().id
    with delivery.load() as report:
        delivery.wish(v2)
        delivery.wait_until(lambda: delivery.newest().id != before, "the webhook begins a release")
        ended = delivery.wait_for_end(delivery.newest().id)
    assert ended.version == v2
    assert (ended.phase, ended.actor) == (Phase.SUCCESSFUL, "webhook"), ended.reason
    assert (delivery.live_version, champion(delivery)) == (v2, v2)
    assert nothing_failed(report)
    assert ended.candidate is not None
    assert report.answers_by(ended.candidate.name) > 0


def test_a_bad_version_is_rolled_back_by_itself_and_refused_from_then_on(
    delivery: Delivery, v2: str, bad: str
):
    delivery.ensure_live(v2)
    delivery.platform.registry.delete_tag(SERVICE, bad, BAD_TAG)
    with delivery.load() as report:
        code, ended, said = delivery.deploy(bad)
    assert (code, ended["phase"]) == (2, "RolledBack"), said
    assert (delivery.live_version, champion(delivery)) == (v2, v2)
    assert nothing_failed(report)
    reason = delivery.platform.registry.version(SERVICE, bad).bad_reason
    assert reason is not None
    code, _, said = delivery.deploy(bad)
    assert (code, "[version-is-bad]" in said) == (1, True), said
    assert said.count("\n") == 1
    assert "tiffin lift" in said


def test_an_alert_brings_the_previous_version_back(delivery: Delivery, v1: str, v2: str):
    delivery.ensure_live(v1)
    delivery.ensure_live(v2)
    suspect = delivery.route.split.fallback
    with delivery.load() as report:
        began = time.time()
        answer = delivery.alert()
        took = time.time() - began
        delivery.wait_until(lambda: report_is_recorded(delivery, answer), "the rollback's record")
    (told,) = answer.json()["alerts"]
    assert (answer.status_code, told["moved"], told["from"]) == (200, True, suspect)
    assert took < 10
    assert (delivery.live_version, champion(delivery)) == (v1, v1)
    assert nothing_failed(report)
    last_bad = max(at for at, revision in report.answers if revision == suspect)
    assert last_bad - began < took + 1
    assert delivery.platform.registry.version(SERVICE, v2).bad_reason is not None


def report_is_recorded(delivery: Delivery, answer: httpx.Response) -> bool:
    found = delivery.platform.records.find(answer.json()["alerts"][0]["rollback"])
    return found is not None and found.phase is Phase.ROLLED_BACK


def test_a_forged_or_stale_webhook_is_refused_and_nothing_happens(delivery: Delivery, v2: str):
    before, newest = delivery.route, delivery.newest().id
    data = {"name": SERVICE, "alias": CHALLENGER, "version": v2}
    body = json.dumps({"entity": "model_version_alias", "action": "created", "data": data}).encode()
    forged = delivery.deliver(body, secret="not the secret")
    assert (forged.status_code, forged.json()["code"]) == (401, "webhook-forged")
    stale = delivery.deliver(body, at=time.time() - 3600)
    assert (stale.status_code, stale.json()["code"]) == (403, "webhook-stale")
    first = delivery.deliver(body, id="told-twice")
    again = delivery.deliver(body, id="told-twice")
    assert (first.json()["duplicate"], again.json()["duplicate"]) == (False, True)
    assert first.json()["done"] == again.json()["done"] == []
    assert (delivery.route, delivery.newest().id) == (before, newest)


def test_an_alert_for_an_unknown_service_or_with_a_wrong_token_moves_nothing(delivery: Delivery):
    before = delivery.route
    unknown = delivery.alert(service="no-such-service")
    (told,) = unknown.json()["alerts"]
    assert (unknown.status_code, told["moved"]) == (422, False)
    assert [error["code"] for error in told["errors"]] == ["unknown-service"]
    assert delivery.alert(token="guessed").status_code == 401
    assert delivery.route == before


def test_a_dry_run_validates_and_packages_and_starts_nothing(delivery: Delivery, v1: str, v2: str):
    delivery.ensure_live(v1)
    delivery.platform.registry.delete_tag(SERVICE, v2, BAD_TAG)
    before = delivery.route
    code, ended, said = delivery.deploy(v2, "--dry-run")
    assert (code, ended["phase"], ended["dry_run"]) == (0, "Successful", True), said
    assert ended["image"]
    assert delivery.route == before


def test_spoiled_versions_are_refused_with_traffic_untouched(
    delivery: Delivery, v1: str, tmp_path: Path
):
    delivery.ensure_live(v1)
    canary, before = tmp_path / "it-ran", delivery.route.split
    registry = delivery.stack.home.url("mlflow")
    told = run_module("tests.e2e.spoiled_versions", registry, SERVICE, v1, str(canary))
    spoiled = json.loads(told.splitlines()[-1])
    for version, word in ((spoiled["without_signature"], "signature"), (spoiled["hostile"], "pkl")):
        code, ended, said = delivery.deploy(version)
        assert (code, ended["phase"]) == (2, "Failed"), said
        assert word in ended["reason"]
        assert delivery.route.split == before
    assert not canary.exists()


def test_of_two_deploys_at_once_one_is_refused_or_waits(delivery: Delivery, v1: str, v2: str):
    delivery.ensure_live(v1)
    delivery.platform.registry.delete_tag(SERVICE, v2, BAD_TAG)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(delivery.deploy, v2, "--strategy", "direct")
        delivery.wait_until(
            lambda: delivery.platform.records.claimant(SERVICE) is not None, "the first holds it"
        )
        waits = pool.submit(delivery.deploy, v1, "--strategy", "direct", "--on-conflict", "wait")
        code, _, said = delivery.deploy(v1)
        assert (code, "[release-in-progress]" in said) == (1, True), said
        assert (first.result()[0], waits.result()[0]) == (0, 0)
    one, two = first.result()[1], waits.result()[1]
    assert delivery.live_version == v1
    held = delivery.platform.records.entries(one["id"], "phase")
    released = next(entry.at for entry in held if entry.body["to"] == Phase.WATCHING)
    taken = delivery.platform.records.entries(two["id"])[0].at
    assert taken >= released


def test_the_form_is_made_from_the_params_and_a_ledger_is_whole(delivery: Delivery):
    details = delivery.airflow_get("/api/v2/dags/deploy_model/details")
    assert SERVICE in details["params"]["service"]["schema"]["enum"]
    assert {"version", "alias", "strategy", "approval", "dry_run"} <= set(details["params"])
    code, told, _ = delivery.tiffin("history", SERVICE, delivery.newest().id)
    assert (code, told["ledger"]["intact"]) == (0, True)


def test_the_validation_report_opens_in_a_browser(delivery: Delivery, tmp_path: Path):
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("NO BROWSER: install chromium to see the validation report rendered")
    deployed = delivery.platform.records.history(SERVICE, limit=50)
    release = next(r for r in deployed if delivery.platform.records.entries(r.id, "validated"))
    page = delivery.platform.workspace_of(release.id) / "validation.html"
    flags = ("--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}")
    shown = subprocess.run(
        [browser, *flags, "--dump-dom", page.as_uri()],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert SERVICE in shown.stdout
