from __future__ import annotations

import re
from dataclasses import fields
from typing import Any

import pytest

from serving.client import Circuit, Client, ClientError, Connections, Retries, Timeouts
from serving.client.base import BaseClient, CallOptions, ProtocolName
from tiffin.home import PROJECT

PAGE = (PROJECT / "docs/client.md").read_text()


@pytest.mark.parametrize(
    ("kind", "setting"),
    [
        (Timeouts, {"connect_s": 0}),
        (Timeouts, {"try_s": -1}),
        (Timeouts, {"total_s": float("nan")}),
        (Timeouts, {"total_s": float("inf")}),
        (Retries, {"tries": 0}),
        (Retries, {"share": 1.1}),
        (Retries, {"reserve": 0}),
        (Retries, {"first_wait_s": 0}),
        (Retries, {"longest_wait_s": -2}),
        (Circuit, {"failures": 0}),
        (Circuit, {"pause_s": 0}),
        (Connections, {"most": 0}),
        (Connections, {"idle_s": -1}),
    ],
)
def test_a_setting_without_sense_is_refused_by_its_name(kind: Any, setting: Any) -> None:
    [name] = setting
    with pytest.raises(ValueError, match=re.escape(f"{kind.__name__}.{name}")):
        kind(**setting)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"url": "127.0.0.1:9001"}, "no address"),
        ({"url": "ftp://here"}, "no address"),
        ({"url": "http://"}, "no address"),
        ({"url": "http://here:port"}, "no address"),
        ({"protocol": "soap"}, "choose one of predict"),
        ({"api_key": "a\nb"}, "API key"),
    ],
)
def test_a_client_that_could_ask_nothing_is_refused(settings: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Client(**{"url": "http://here"} | settings)


def test_every_setting_with_its_default_and_every_option_is_documented() -> None:
    for kind in (Timeouts, Retries, Circuit, Connections):
        for setting in fields(kind):
            assert f"| `{kind.__name__}.{setting.name}` | `{setting.default}` |" in PAGE
    options = set(CallOptions.__annotations__) | set(BaseClient.__init__.__annotations__)
    for option in options - {"return", "url"}:
        assert f"`{option}`" in PAGE
    for protocol in ProtocolName:
        assert f"`{protocol}`" in PAGE


def test_every_error_is_documented_with_its_reason() -> None:
    for error in below(ClientError):
        assert f"| `{error.__name__}` | `{error.reason}` |" in PAGE


def below(error: type[ClientError]) -> set[type[ClientError]]:
    return set(error.__subclasses__()).union(*map(below, error.__subclasses__()))
