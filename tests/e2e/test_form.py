"""The trigger form of `deploy_model`, filled in and sent in a real browser."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tests.e2e.delivery import SERVICE, Delivery
from tiffin.registry.model_version import BAD_TAG
from tiffin.release.phases import Phase
from tiffin.stack.airflow_metadata import password_of

pytestmark = [pytest.mark.stack, pytest.mark.timeout(900)]

_PATIENCE_MS = 60_000


@pytest.fixture
def page(delivery: Delivery) -> Iterator[Page]:
    """A browser's page of somebody who has logged in to Airflow."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("NO BROWSER: install chromium to fill in the trigger form")
    expect.set_options(timeout=_PATIENCE_MS)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        page = chromium.new_page(base_url=delivery.stack.home.url("airflow"))
        page.set_default_timeout(_PATIENCE_MS)
        _log_in(page, password_of(delivery.stack.home, "admin"))
        yield page
        chromium.close()


def _log_in(page: Page, password: str) -> None:
    page.goto("/auth/login")
    page.locator("[name=username]").fill("admin")
    page.locator("[name=password]").fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(lambda url: "login" not in url)


def test_a_version_is_deployed_by_the_form(delivery: Delivery, page: Page):
    v1, v2 = delivery.versions["v1"], delivery.versions["v2"]
    delivery.ensure_live(v1)
    delivery.platform.registry.delete_tag(SERVICE, v2, BAD_TAG)
    before = delivery.newest().id
    page.goto("/dags/deploy_model")
    page.get_by_role("button", name="Trigger").click()
    _choose(page, "Service", SERVICE)
    page.locator("[name=element_version]").fill(v2)
    _choose(page, "Strategy", "direct")
    page.get_by_test_id("trigger-dag-submit").click()
    delivery.wait_until(lambda: delivery.newest().id != before, "the form begins a release")
    ended = delivery.wait_for_end(delivery.newest().id)
    assert (ended.version, ended.phase, ended.actor) == (v2, Phase.SUCCESSFUL, "admin"), ended
    assert delivery.live_version == v2


def test_a_form_without_a_service_can_not_be_sent(page: Page):
    page.goto("/dags/deploy_model")
    page.get_by_role("button", name="Trigger").click()
    expect(page.get_by_test_id("trigger-dag-submit")).to_be_disabled()
    expect(page.get_by_text("This field is required").first).to_be_visible()


def _choose(page: Page, label: str, value: str) -> None:
    page.get_by_label(label).click()
    page.get_by_role("option", name=value, exact=True).click()
