from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from examples.train import chosen


def test_chooses_by_name_or_all() -> None:
    assert chosen("credit-risk:v2, job-training:v1") == [
        ("credit-risk", "v2"),
        ("job-training", "v1"),
    ]
    assert len(chosen("all")) == 6


@pytest.mark.parametrize("which", ["", "credit-risk", "credit-risk:v9", "credit-risk:v1,x"])
def test_refuses_what_there_is_not_and_names_what_there_is(which: str) -> None:
    with pytest.raises(ValueError, match=r"there is no .*there are credit-risk:v1"):
        chosen(which)


@pytest.mark.timeout(300)
def test_registers_once_with_all_that_a_release_needs(tmp_path: Path) -> None:
    first = train(tmp_path)
    assert [(one["model"], one["version"], one["created"]) for one in first] == [
        ("credit-risk", "1", True),
        ("house-prices", "1", True),
    ]
    assert [one | {"created": True} for one in train(tmp_path)] == first
    for one, target in zip(first, ("status", "sale_price"), strict=True):
        files = list(tmp_path.rglob("evaluation/data.csv"))
        assert any(target in file.read_text().partition("\n")[0] for file in files), one
    descriptions = [file.read_text() for file in tmp_path.rglob("MLmodel")]
    assert len(descriptions) == 2
    for text in descriptions:
        assert "serialization_format: skops" in text
        assert "saved_input_example_info:" in text
        assert "signature:" in text


def train(folder: Path) -> list[dict[str, Any]]:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "examples.train"),
            *("--tracking-uri", f"sqlite:///{folder}/mlflow.db"),
            *("--which", "credit-risk:v1,house-prices:v1"),
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=200,
        check=True,
    )
    registered: list[dict[str, Any]] = json.loads(done.stdout)
    return registered
