from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import load_test
from benchmarks.load_test import aim_of


def test_a_url_alone_means_its_predictions() -> None:
    assert aim_of("http://here:3001", None, None).path == "/predict"
    assert aim_of("http://here:3001/", "churn", None).path == "/churn/predict"


def test_a_path_in_the_url_is_taken_as_it_is() -> None:
    aim = aim_of("http://here:3001/v1/models/churn:predict", "other", Path("bodies.jsonl"))
    assert (aim.host, aim.path) == ("http://here:3001", "/v1/models/churn:predict")
    assert "--body-file=bodies.jsonl" in aim.options()


def test_what_is_no_url_is_refused_in_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        load_test.main(["--url", "here:3001"])
    assert "here:3001 is no URL; give one such as http://127.0.0.1:3001" in capsys.readouterr().err
