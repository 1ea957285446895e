from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from serving.runtime.settings import VARIABLES, BadSettingError, Device, ServerSettings

PROJECT = Path(__file__).resolve().parents[3]


def test_the_environment_wins_over_what_the_code_says_and_that_over_the_default() -> None:
    settings = ServerSettings.read({"MAX_BATCH_SIZE": "64"}, max_batch_size=32, drain_seconds=7)
    assert (settings.max_batch_size, settings.drain_seconds) == (64, 7)
    assert settings.device is Device.AUTO
    assert ServerSettings.read({"DEVICE": "TensorRT", "KEYS": ""}).device is Device.TENSORRT


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("MAX_BATCH_SIZE", "0"),
        ("MAX_BATCH_SIZE", "many"),
        ("MAX_BATCH_SIZE", "1.5"),
        ("GPU_MEMORY_FRACTION", "1.5"),
        ("GPU_MEMORY_FRACTION", "nan"),
        ("BATCH_TIMEOUT_MS", "-1"),
        ("DEVICE", "tpu"),
        ("LOG_LEVEL", "LOUD"),
        ("TIFFIN_LOG_REQUESTS", "perhaps"),
        ("TIFFIN_DRAIN_SECONDS", "inf"),
    ],
)
def test_a_bad_value_is_refused_with_the_variable_and_what_to_set(variable: str, text: str) -> None:
    with pytest.raises(BadSettingError, match=f"{variable} is '{text}'; set it to"):
        ServerSettings.read({variable: text})


def test_an_empty_variable_is_as_good_as_none() -> None:
    assert ServerSettings.read({"MAX_BATCH_SIZE": ""}) == ServerSettings()


def test_every_setting_has_a_variable() -> None:
    assert {setting.name for setting in fields(ServerSettings)} == set(VARIABLES)


def test_every_variable_is_documented_and_none_that_is_gone() -> None:
    page = (PROJECT / "docs/serving.md").read_text()
    documented = set(re.findall(r"^\| `([A-Z_]+)` \|", page, re.MULTILINE))
    opentelemetry = {name for name in documented if name.startswith("OTEL_")}
    assert documented - opentelemetry == {variable.name for variable in VARIABLES.values()}
