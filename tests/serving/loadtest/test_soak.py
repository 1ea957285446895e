from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from serving.loadtest import soak
from serving.loadtest.soak import Plan, run, subject_at
from tests.serving.loadtest.test_soak_requests import BODY
from tests.serving.runtime.small_models import OneEngine, model_of
from tests.serving.services.small_site import threaded_site

SHORT = Plan(seconds=1.5, rate=100, connections=4, interval_s=0.5, sample_s=0.2)


def test_a_healthy_server_is_steady_over_all_protocols(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with threaded_site(model_of()) as url:
        assert run(subject_at(url, [BODY], {}), os.getpid(), SHORT, tmp_path) == 0
    told = json.loads((tmp_path / "soak.json").read_text())
    assert sum(interval["answered"] for interval in told["intervals"]) > 100
    assert len(told["samples"]) > 3
    assert (tmp_path / "soak.svg").read_text().startswith("<?xml")
    assert "Steady" in capsys.readouterr().out


def test_a_server_that_fails_is_found_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail_at_seven(number: float) -> float:
        if number == 7:
            raise RuntimeError
        return number

    body = BODY.replace(b"1.0", b"7.0")
    with threaded_site(model_of(OneEngine(fail_at_seven))) as url:
        assert run(subject_at(url, [body], {}), os.getpid(), SHORT, tmp_path) == 1
    assert "requests went wrong" in capsys.readouterr().out


def test_nobody_there_is_said_in_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert soak.main(["http://127.0.0.1:1", "--pid", str(os.getpid())]) == 2
    assert "can't soak http://127.0.0.1:1" in capsys.readouterr().err
