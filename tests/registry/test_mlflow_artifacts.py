"""What a lying or failing server can do: nothing but be refused."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tiffin.errors import RefusedError, TiffinError, UnavailableError
from tiffin.registry.mlflow_artifacts import proxied_path
from tiffin.registry.mlflow_registry import MlflowRegistry
from tiffin.registry.model_version import ModelVersion

VERSION = ModelVersion("m", "1", "mlflow-artifacts:/0/model")


@contextmanager
def answering(status: int, listing: list[dict], content: bytes = b"x") -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            is_listing = urlsplit(self.path).path.endswith("/artifacts")
            body = json.dumps({"files": listing}).encode() if is_listing else content
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def refusal_of(url: str, into: Path) -> TiffinError:
    with pytest.raises(TiffinError) as refusal:
        MlflowRegistry(url).fetch_artifact(VERSION, into)
    return refusal.value


@pytest.mark.parametrize(
    "name", ["../../stolen", "..", "/tmp/tiffin-stolen", "a\\b", "", "sub/file"]
)
def test_refuses_a_listed_name_that_leaves_its_folder(name, tmp_path):
    with answering(200, [{"path": name, "is_dir": False}]) as url:
        assert refusal_of(url, tmp_path / "into").code == "hostile-artifact"
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_refuses_folders_that_never_end(tmp_path):
    with answering(200, [{"path": "deeper", "is_dir": True}] * 2) as url:
        assert refusal_of(url, tmp_path).code == "hostile-artifact"


def test_a_truncated_file_leaves_nothing_behind(tmp_path):
    with answering(200, [{"path": "MLmodel", "is_dir": False, "file_size": 9}]) as url:
        refusal = refusal_of(url, tmp_path / "into")
    assert (refusal.code, refusal.retryable) == ("artifact-truncated", True)
    assert list((tmp_path / "into").iterdir()) == []


@pytest.mark.parametrize(("status", "kind", "code"), [
    (500, UnavailableError, "registry-unavailable"),
    (429, UnavailableError, "registry-unavailable"),
    (403, RefusedError, "registry-forbidden"),
    (400, RefusedError, "registry-refused"),
    (404, RefusedError, "artifact-missing"),
])  # fmt: skip
def test_an_error_of_the_server_says_whether_to_try_again(status, kind, code, tmp_path):
    with answering(status, []) as url:
        refusal = refusal_of(url, tmp_path)
    assert isinstance(refusal, kind)
    assert refusal.code == code


def test_a_server_that_is_down_is_unavailable(tmp_path):
    with answering(200, []) as url:
        pass
    refusal = refusal_of(url, tmp_path)
    assert refusal.code == "registry-unavailable"
    assert refusal.message.endswith("does not answer; start the stack with `tiffin up`")


def test_something_else_that_answers_is_unavailable():
    with answering(200, [], b"<html>") as url, pytest.raises(UnavailableError):
        MlflowRegistry(url).version("m", "1")


@pytest.mark.parametrize("uri", [
    "mlflow-artifacts:/0/model",
    "mlflow-artifacts://host:5000/0/model",
    "http://host/api/2.0/mlflow-artifacts/artifacts/0/model",
])  # fmt: skip
def test_knows_the_ways_to_write_a_proxied_path(uri):
    assert proxied_path(uri) == "0/model"


@pytest.mark.parametrize(("uri", "code"), [
    ("s3://bucket/model", "artifact-not-proxied"),
    ("file:///etc", "artifact-not-proxied"),
    ("mlflow-artifacts:/0/../../etc", "hostile-artifact"),
    ("mlflow-artifacts:/0/%2e%2e/etc", "hostile-artifact"),
])  # fmt: skip
def test_refuses_a_source_elsewhere(uri, code):
    with pytest.raises(RefusedError) as refusal:
        proxied_path(uri)
    assert refusal.value.code == code
