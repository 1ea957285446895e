from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tiffin.demo.load import SteadyLoad

ENOUGH = 20


class Answering(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    arrived = threading.Semaphore(0)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("x-tiffin-revision", "v1-aa")
        self.send_header("content-length", "0")
        self.end_headers()
        self.arrived.release()

    def log_message(self, *_: object) -> None:
        """Keep the test's output clean."""


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as made:
        threading.Thread(target=made.serve_forever, daemon=True).start()
        yield made
        made.shutdown()


@pytest.mark.timeout(120)
def test_every_request_sent_while_the_story_ran_is_accounted_for(
    server: ThreadingHTTPServer, tmp_path: Path
) -> None:
    load = SteadyLoad(f"http://127.0.0.1:{server.server_port}", tmp_path)
    with load.running():
        for _ in range(ENOUGH):
            assert Answering.arrived.acquire(timeout=60)
    assert load.seen.requests_sent >= ENOUGH
    assert load.seen.requests_sent == len(load.seen.answers)
    assert load.seen.requests_failed == 0
    assert {answer.revision for answer in load.seen.answers} == {"v1-aa"}


@pytest.mark.timeout(120)
def test_the_load_ends_when_the_story_breaks_off(
    server: ThreadingHTTPServer, tmp_path: Path
) -> None:
    load = SteadyLoad(f"http://127.0.0.1:{server.server_port}", tmp_path)
    with pytest.raises(RuntimeError, match="broke off"):
        break_off(load)
    assert (tmp_path / "load.json").exists()


def break_off(load: SteadyLoad) -> None:
    with load.running():
        assert Answering.arrived.acquire(timeout=60)
        raise RuntimeError("broke off")
