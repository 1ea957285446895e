from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from tests.serving.served_models import ServedModels, free_port
from tiffin.health.probe import State, probe
from tiffin.home import PROJECT
from tiffin.services.catalog import load_service
from tiffin.services.spec import SmokeCase

pytestmark = pytest.mark.timeout(400)
CASE = load_service(PROJECT / "include" / "services" / "credit-risk.yaml").smoke[0]


@contextmanager
def always_answering(status: int) -> Iterator[str]:
    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_model_server_says_who_answers_and_how_fast(served: ServedModels) -> None:
    found = probe(served.server("credit-risk:v1").url, CASE)
    assert (found.state, found.problem) == (State.WELL, "")
    assert (found.version, found.revision) == ("7", "v7-test")
    assert found.question == CASE.name
    assert found.milliseconds
    assert found.milliseconds > 0


def test_without_a_golden_question_it_is_asked_who_it_is(served: ServedModels) -> None:
    found = probe(f"{served.server('credit-risk:v1').url}/", None)
    assert (found.state, found.question) == (State.WELL, "GET /model_info")


@pytest.mark.parametrize(("changes", "problem"), [
    ({"status": 201}, "/predict answered 200, not 201"),
    ({"fields": ("predictions", "mood")}, "the answer lacks mood"),
])  # fmt: skip
def test_another_answer_than_the_golden_one_is_wrong(
    served: ServedModels, changes: dict[str, object], problem: str
) -> None:
    case = SmokeCase.model_validate(CASE.model_dump() | changes)
    found = probe(served.server("credit-risk:v1").url, case)
    assert found.state is State.WRONG
    assert found.problem.startswith(problem)


def test_a_server_that_is_not_ready_is_silent() -> None:
    with always_answering(503) as url:
        assert probe(url, CASE).state is State.SILENT


def test_what_is_no_model_server_is_called_so() -> None:
    with always_answering(404) as url:
        found = probe(url, CASE)
    assert found.state is State.WRONG
    assert "no model server" in found.problem


@pytest.mark.parametrize("url", [f"http://127.0.0.1:{free_port()}", "http://no such host", "ftp:/"])
def test_nobody_there_is_silence_too(url: str) -> None:
    found = probe(url, CASE)
    assert found.state is State.SILENT
    assert "does not answer" in found.problem
