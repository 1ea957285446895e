from __future__ import annotations

import json

import pytest
import typer
from typer.testing import CliRunner

from tests.serving.served_models import ServedModels
from tiffin.cli import health_command
from tiffin.cli.health_command import exit_code
from tiffin.errors import RefusedError
from tiffin.health.probe import State
from tiffin.platform import Platform

pytestmark = pytest.mark.timeout(400)
app = typer.Typer()
app.callback()(lambda: None)
health_command.register(app)

WELL, WRONG, SILENT, ABSENT = State.WELL, State.WRONG, State.SILENT, State.NOT_DEPLOYED


@pytest.fixture
def installed(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> Platform:
    """Of its services, iris has a route whose port nobody answers; roses has none."""
    monkeypatch.setattr(health_command, "embedded_platform", lambda _: platform)
    monkeypatch.setattr(health_command, "_gateways", lambda _: {"envoy-1": False})
    return platform


def asked(*words: str) -> tuple[int, dict[str, object]]:
    result = CliRunner().invoke(app, ["health", *words, "--json"], catch_exceptions=False)
    return result.exit_code, json.loads(result.stdout)


def test_a_live_service_that_does_not_answer_is_found(installed: Platform) -> None:
    code, told = asked()
    states = {row["service"]: (row["state"], row["live"]) for row in told["services"]}
    assert states == {"iris": ("silent", "v1-aa"), "roses": ("not deployed", None)}
    assert code == 3


def test_one_that_is_not_deployed_is_refused_with_what_to_type(installed: Platform) -> None:
    with pytest.raises(RefusedError, match="roses is not deployed; `tiffin deploy roses"):
        asked("roses")


def test_a_url_needs_no_stack(served: ServedModels) -> None:
    code, told = asked(served.server("credit-risk:v1").url)
    assert (code, told["gateway"]) == (0, {})
    assert told["services"][0]["version"] == "7"


@pytest.mark.parametrize(("ready", "said"), [
    ({"envoy-1": False, "envoy-2": False}, "envoy-1, envoy-2 do not answer; `tiffin up` starts"),
    ({"envoy-1": True, "envoy-2": False}, "The gateway: envoy-2 does not answer."),
])  # fmt: skip
def test_a_gateway_that_is_down_is_one_sentence(
    installed: Platform, monkeypatch: pytest.MonkeyPatch, ready: dict[str, bool], said: str
) -> None:
    monkeypatch.setattr(health_command, "_gateways", lambda _: ready)
    result = CliRunner().invoke(app, ["health"], catch_exceptions=False)
    assert said in result.stdout
    assert result.stdout.split()[6:9] == ["in", "problem", "iris"]


@pytest.mark.parametrize(("states", "gateways", "code"), [
    ([WELL, ABSENT], (True, False), 0),
    ([ABSENT], (True, True), 0),
    ([ABSENT], (False, False), 3),
    ([WELL, WRONG], (True,), 2),
    ([WRONG, SILENT], (True,), 3),
    ([WELL], (False, False), 3),
    ([WELL], (), 0),
])  # fmt: skip
def test_the_exit_code_says_the_worst(
    states: list[State], gateways: tuple[bool, ...], code: int
) -> None:
    assert exit_code(states, gateways) == code
