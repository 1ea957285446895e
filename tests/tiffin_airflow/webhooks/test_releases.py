from __future__ import annotations

import pytest

USER = {"X-User": "view"}


@pytest.mark.parametrize("path", ["/releases", "/releases/iris-v1-1"])
def test_nobody_reads_who_is_not_logged_in(client, path):
    answer = client.get(path)
    assert (answer.status_code, answer.json()["error"]) == (401, "Not authenticated")


@pytest.mark.parametrize("path", ["/", "/docs", "/openapi.json", "/webhooks", "/nothing"])
def test_nothing_else_is_there(client, path):
    answer = client.get(path, headers=USER)
    assert answer.status_code == 404
    assert set(answer.json()) == {"error", "code"}


def test_lists_the_releases(client, ready_to_ramp):
    ready_to_ramp("2")
    page = client.get("/releases", headers=USER).text
    assert "iris-v2-1" in page
    assert "Smoking" in page


def test_tells_a_release_with_its_ledger(client, ready_to_ramp):
    ready_to_ramp("2")
    page = client.get("/releases/iris-v2-1", headers=USER).text
    assert "Ledger (intact)" in page
    assert "v2-abcdef01" in page


def test_what_people_wrote_is_text_and_never_markup(client, platform, ready_to_ramp):
    release = ready_to_ramp("2")
    platform.records.note(release.id, "<b>", {"reason": "<script>alert(1)</script>"})
    answer = client.get(f"/releases/{release.id}", headers=USER)
    assert "<script>" not in answer.text
    assert "<b>" not in answer.text
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def test_an_unknown_release_is_one_sentence(client):
    answer = client.get("/releases/nobody", headers=USER)
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown-release")


def test_a_bad_limit_is_one_sentence(client):
    answer = client.get("/releases?limit=0", headers=USER)
    assert (answer.status_code, answer.json()["code"]) == (422, "bad-request")
