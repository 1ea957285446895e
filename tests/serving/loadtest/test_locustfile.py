"""The load test as people run it: Locust in an environment of its own, on a server of ours."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.serving.conformance.others import environment_or_skip
from tests.serving.runtime.small_models import model_of
from tests.serving.services.small_site import keys_file, threaded_site
from tiffin.home import PROJECT

pytestmark = [pytest.mark.peers, pytest.mark.timeout(200)]

LOADTEST = PROJECT / "serving" / "loadtest"


def locust(url: str, steps: Path, *options: str) -> subprocess.CompletedProcess[str]:
    folder = environment_or_skip("locust", str(LOADTEST / "locust.txt"))
    return subprocess.run(
        [
            *(str(folder / "bin" / "locust"), "-f", str(LOADTEST / "locustfile.py")),
            *("--headless", "--only-summary", "--host", url, "--steps-file", str(steps)),
            *("--step-seconds", "4", "--exit-code-on-error", "0", *options),
        ],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def searched(url: str, steps: Path, *options: str) -> dict[str, Any]:
    done = locust(url, steps, *options)
    assert steps.exists(), done.stdout + done.stderr
    return dict(json.loads(steps.read_text()))


def test_climbs_and_says_what_it_found(tmp_path: Path) -> None:
    steps = tmp_path / "steps.json"
    with threaded_site(model_of()) as url:
        found = searched(url, steps, "--start-rate", "20", "--most-rate", "40", "--p99-ms", "5000")
    assert found["url"] == f"{url}/predict"
    assert [step["offered"] for step in found["steps"]] == [20, 40]
    assert all(step["failed_share"] == 0 for step in found["steps"])
    assert found["verdict"].startswith("Not saturated")


def test_stops_where_the_service_fails(tmp_path: Path) -> None:
    steps, keys = tmp_path / "steps.json", keys_file(tmp_path, app="predict")
    with threaded_site(model_of(), keys_file=keys) as url:
        found = searched(url, steps, "--start-rate", "20")
    assert len(found["steps"]) == 1
    assert "100.0% of the requests fail" in found["verdict"]


def test_says_what_to_do_where_nobody_answers(tmp_path: Path) -> None:
    done = locust("http://127.0.0.1:1", tmp_path / "steps.json")
    assert done.returncode != 0
    assert "give --body-file" in done.stderr
