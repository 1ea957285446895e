from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest
import requests

from tests.serving.served_models import RunningServer
from tests.serving.services.bentoml_server import serving
from tests.serving.services.reconnecting_caller import LOST, ReconnectingCallers
from tests.serving.services.small_site import request_of

pytestmark = pytest.mark.timeout(300)

SERVICE = """
import time

import bentoml
from serving.services.platform import with_platform


@with_platform(name="my-chat", traffic={"timeout": 3})
class Chat:
    @bentoml.api
    def predict(self, question: str) -> str:
        return question.upper()

    @bentoml.api
    def ponder(self, seconds: float) -> str:
        time.sleep(seconds)
        return "well"
"""


@pytest.fixture(scope="module")
def chat(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    folder = tmp_path_factory.mktemp("chat")
    (folder / "service.py").write_text(SERVICE)
    with serving(folder, "service:Chat", folder, TIFFIN_DRAIN_SECONDS="4") as server:
        yield server


def get(server: RunningServer, path: str) -> requests.Response:
    return requests.get(f"{server.url}{path}", timeout=30)


def test_the_service_answers_in_its_own_way(chat: RunningServer) -> None:
    answer = chat.post("/predict", {"question": "why"})
    assert (answer.status_code, answer.text) == (200, "WHY")
    assert "my-chat" in get(chat, "/docs.json").text


@pytest.mark.parametrize(
    "path",
    [
        *("/livez", "/healthz", "/health/live", "/readyz", "/ready", "/health/ready", "/health"),
        "/metrics",
    ],
)
def test_it_has_the_probes_of_the_platform(chat: RunningServer, path: str) -> None:
    assert get(chat, path).status_code == 200


def test_what_is_not_there_makes_no_metric(chat: RunningServer) -> None:
    assert get(chat, "/not-there").status_code == 404
    assert "not-there" not in get(chat, "/metrics").text


def test_a_request_that_takes_too_long_ends_with_504(chat: RunningServer) -> None:
    answer = chat.post("/ponder", {"seconds": 4.0})
    assert (answer.status_code, answer.json()) == (504, {"error": "no answer within 3 seconds"})


def test_it_stops_without_losing_a_request(chat: RunningServer) -> None:
    request = request_of("/predict", b'{"question": "why"}', "Content-Type: application/json")
    callers = ReconnectingCallers(int(chat.url.rpartition(":")[2]), request, callers=4)
    callers.start()
    chat.process.send_signal(signal.SIGTERM)
    while (status := get(chat, "/readyz").status_code) == 200:
        pass
    assert status == 503
    callers.wait(60)
    chat.process.wait(60)
    assert set(callers.statuses) == {200}
    assert callers.outcomes[LOST] == 0
