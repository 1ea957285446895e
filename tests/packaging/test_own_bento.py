"""A bento of one's own with the platform around it: built, and served from what was built."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.packaging.own_bento import own_bento
from tests.serving.served_models import RunningServer
from tests.serving.services.bentoml_server import serving
from tests.serving.services.reconnecting_caller import LOST, ReconnectingCallers
from tests.serving.services.small_site import request_of
from tiffin.packaging.bento import BentoReference, LoggedModel, ensure_bento

pytestmark = pytest.mark.timeout(300)

SERVICE = """
import sys

import bentoml
import serving
from serving.services.platform import with_platform

NEEDLESS = {"grpclib", "lightgbm", "onnxruntime", "pandas", "shap", "sklearn", "skops", "xgboost"}


@with_platform(name="greeter", traffic={"timeout": 3})
class Greeter:
    @bentoml.api
    def greet(self, name: str) -> str:
        return f"hello {name}"

    @bentoml.api
    def imports(self) -> dict[str, list[str]]:
        return {"platform": [serving.__file__], "needless": sorted(NEEDLESS & {*sys.modules})}
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bentoml")


@pytest.fixture(scope="module")
def bento(home: Path) -> BentoReference:
    service = own_bento(home / "project", SERVICE, "uvicorn==0.47.0\ncowsay\n")
    artifact = home / "artifact"
    artifact.mkdir()
    (artifact / "words.txt").write_text("hello")
    return ensure_bento(home, service, LoggedModel(artifact, "ab" * 32), home / "project")


@pytest.fixture(scope="module")
def greeter(home: Path, bento: BentoReference) -> Iterator[RunningServer]:
    with serving(home, bento.tag, home, PYTHONPATH="", TIFFIN_DRAIN_SECONDS="3") as server:
        yield server


def get(server: RunningServer, path: str) -> requests.Response:
    return requests.get(f"{server.url}{path}", timeout=30)


def test_the_bento_has_the_platform_and_what_that_needs(home: Path, bento: BentoReference) -> None:
    source = home / "bentos" / "greeter" / bento.version / "src"
    assert (source / "serving" / "services" / "platform.py").is_file()
    assert (source / "requirements.txt").read_text().splitlines() == [
        *("uvicorn==0.47.0", "cowsay", "bentoml==1.4.39"),
    ]


def test_it_answers_with_the_platform_that_is_in_it_and_nothing_heavy(
    greeter: RunningServer, home: Path
) -> None:
    assert greeter.post("/greet", {"name": "you"}).text == "hello you"
    imports = greeter.post("/imports", {}).json()
    assert Path(imports["platform"][0]).is_relative_to(home / "bentos")
    assert imports["needless"] == []


def test_it_has_the_probes_and_the_metrics(greeter: RunningServer) -> None:
    for path in ("/livez", "/readyz", "/health", "/health/ready"):
        assert get(greeter, path).status_code == 200
    assert get(greeter, "/not-there").status_code == 404
    metrics = get(greeter, "/metrics").text
    assert "bentoml_service_request_total" in metrics
    assert "not-there" not in metrics


def test_it_stops_without_losing_a_request(greeter: RunningServer) -> None:
    body = json.dumps({"name": "you"}).encode()
    request = request_of("/greet", body, "Content-Type: application/json")
    callers = ReconnectingCallers(int(greeter.url.rpartition(":")[2]), request, callers=4)
    callers.start()
    greeter.process.send_signal(signal.SIGTERM)
    while (status := get(greeter, "/readyz").status_code) == 200:
        pass
    assert status == 503
    callers.wait(60)
    greeter.process.wait(60)
    assert set(callers.statuses) == {200}
    assert callers.outcomes[LOST] == 0
