"""A stack with trained models on it, used as people use it: by command line and HTTP.

What the tests of whole stories, the fault matrix and the release benchmark share.
"""

from __future__ import annotations

import base64
import hmac
import json
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx

from tests.conftest import EmbeddedStack
from tests.e2e.patient_load import LoadReport, load_on
from tiffin.errors import UnavailableError
from tiffin.home import PROJECT
from tiffin.intake.airflow_api import AirflowApi
from tiffin.platform import Platform, embedded_platform
from tiffin.registry.model_version import BAD_TAG, CHALLENGER
from tiffin.release.release import Release
from tiffin.stack.airflow_metadata import password_of
from tiffin.traffic.router import Route

SERVICE = "credit-risk"


@dataclass(frozen=True)
class Delivery:
    """One service of a stack; `versions` maps a recipe (`v1`) to its version in the registry."""

    stack: EmbeddedStack
    bodies: Path
    versions: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def platform(self) -> Platform:
        """The stack's own parts, to look at."""
        return embedded_platform(self.stack.home)

    @cached_property
    def airflow(self) -> AirflowApi:
        """Airflow's REST API."""
        return AirflowApi(self.stack.home)

    @property
    def url(self) -> str:
        """Where callers reach the service."""
        port = self.platform.catalog.service(SERVICE).port + self.platform.port_offset
        return f"http://127.0.0.1:{port}/predict"

    @property
    def route(self) -> Route:
        """What is live."""
        route = self.platform.router.read(SERVICE)
        assert route is not None, f"{SERVICE} is not deployed"
        return route

    @property
    def live_version(self) -> str | None:
        """The version that all callers get, by the records; None before the first deployment."""
        route = self.platform.router.read(SERVICE)
        if route is None:
            return None
        revision = self.platform.records.revision(SERVICE, route.split.fallback)
        assert revision is not None
        return revision.version

    def tiffin(self, *arguments: str) -> tuple[int, dict[str, Any], str]:
        """Run `tiffin ... --json`; return the exit code, what it printed, and what it said."""
        done = self.stack.tiffin(*arguments, "--json", timeout_s=600)
        told = json.loads(done.stdout) if done.stdout.strip() else {}
        return done.returncode, told, done.stderr

    def deploy(self, version: str, *options: str) -> tuple[int, dict[str, Any], str]:
        """Run `tiffin deploy`."""
        return self.tiffin("deploy", SERVICE, "--version", version, *options)

    def airflow_get(self, path: str) -> dict[str, Any]:
        """Read from Airflow's REST API as an administrator."""
        return self._airflow("GET", path)

    @contextmanager
    def paused(self, dag: str) -> Iterator[None]:
        """Pause a DAG while a block runs."""
        self._airflow("PATCH", f"/api/v2/dags/{dag}", {"is_paused": True})
        try:
            yield
        finally:
            self._airflow("PATCH", f"/api/v2/dags/{dag}", {"is_paused": False})

    def _airflow(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        url = self.stack.home.url("airflow")
        who = {"username": "admin", "password": password_of(self.stack.home, "admin")}
        token = httpx.post(f"{url}/auth/token", json=who, timeout=60).json()["access_token"]
        bearer = {"Authorization": f"Bearer {token}"}
        answer = httpx.request(method, f"{url}{path}", json=body, headers=bearer, timeout=60)
        answer.raise_for_status()
        return dict(answer.json())

    def ensure_live(self, version: str) -> None:
        """Have a version live, whatever was before; its bad tag is lifted."""
        self.wait_until(self.is_settled, "what went before is settled")
        if self.live_version == version:
            return
        self.platform.registry.delete_tag(SERVICE, version, BAD_TAG)
        code, ended, said = self.deploy(version, "--strategy", "direct")
        assert code == 0, f"{ended}\n{said}"
        self.wait_until(self.is_settled, f"{ended['id']} is settled")

    def is_settled(self) -> bool:
        """True when no Release is in progress and nobody holds the service."""
        records = self.platform.records
        return not records.in_progress(SERVICE) and records.claimant(SERVICE) is None

    def load(self, *, rate: float = 20) -> AbstractContextManager[LoadReport]:
        """Ask the service steadily while a block runs."""
        return load_on(self.url, self.bodies, rate=rate)

    def newest(self) -> Release:
        """Return the newest Release."""
        return self.platform.records.history(SERVICE, limit=1)[0]

    def wait_for_end(self, release: str, *, timeout_s: float = 300) -> Release:
        """Wait until a Release has ended, through whatever is down meanwhile."""
        found: list[Release] = []

        def has_ended() -> bool:
            release_now = self.platform.records.find(release)
            found[:] = [release_now] if release_now else []
            return bool(found) and found[0].phase.is_end

        self.wait_until(has_ended, f"{release} has ended", timeout_s=timeout_s)
        return found[0]

    def wait_until(
        self, is_so: Callable[[], bool], what: str, *, timeout_s: float = 180, pause_s: float = 0.25
    ) -> None:
        """Poll until something is so; a part that is down is no answer yet."""
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                if is_so():
                    return
            except UnavailableError as error:
                what = f"{what.partition(' (')[0]} ({error.message})"
            assert time.monotonic() < deadline, f"not within {timeout_s:.0f} s: {what}"
            time.sleep(pause_s)

    def wish(self, version: str) -> None:
        """Point the alias `challenger` at a version, as an ML engineer does in MLflow."""
        body = {"name": SERVICE, "alias": CHALLENGER, "version": version}
        url = f"{self.stack.home.url('mlflow')}/api/2.0/mlflow/registered-models/alias"
        httpx.post(url, json=body, timeout=30).raise_for_status()

    def alert(self, *, service: str = SERVICE, token: str | None = None) -> httpx.Response:
        """Send an alert that nobody sent before, as Alertmanager does."""
        token = token or self.stack.home.secret("alertmanager-token")
        return httpx.post(
            f"{self.stack.home.url('airflow')}/tiffin/webhooks/alertmanager",
            json=alert_about(service, secrets.token_hex(8)),
            headers={"Authorization": f"Bearer {token}"},
            timeout=60,
        )

    def deliver(
        self, body: bytes, *, secret: str | None = None, at: float | None = None, id: str = ""
    ) -> httpx.Response:
        """Post a webhook delivery as MLflow would, signed with `secret` and sent at `at`."""
        when = str(int(at if at is not None else time.time()))
        delivery = id or secrets.token_hex(8)
        key = secret or self.stack.home.secret("mlflow-webhook")
        signed = hmac.digest(key.encode(), f"{delivery}.{when}.".encode() + body, "sha256")
        headers = {
            "content-type": "application/json",
            "x-mlflow-delivery-id": delivery,
            "x-mlflow-timestamp": when,
            "x-mlflow-signature": "v1," + base64.b64encode(signed).decode(),
        }
        url = f"{self.stack.home.url('airflow')}/tiffin/webhooks/mlflow"
        return httpx.post(url, content=body, headers=headers, timeout=60)


def prepare(stack: EmbeddedStack, *recipes: str) -> Delivery:
    """Train what is not in the registry yet, and write bodies of real rows."""
    folder = stack.home.folder("test-load")
    bodies = folder / "bodies.jsonl"
    rows = run_module("examples.live_rows", SERVICE, "--count", "500")
    bodies.write_text(rows)
    which = ",".join(f"{SERVICE}:{recipe}" for recipe in recipes)
    url = stack.home.url("mlflow")
    trained = json.loads(run_module("examples.train", "--tracking-uri", url, "--which", which))
    return Delivery(stack, bodies, {row["recipe"]: row["version"] for row in trained})


def alert_about(service: str, fingerprint: str) -> dict[str, Any]:
    """Return Alertmanager's payload for one firing alert."""
    labels = {"alertname": "HighErrorRate", "service": service, "severity": "critical"}
    alert = {
        "status": "firing",
        "labels": labels,
        "annotations": {"summary": f"{service} answers with errors"},
        "startsAt": datetime.now(UTC).isoformat(),
        "endsAt": "0001-01-01T00:00:00Z",
        "fingerprint": fingerprint,
    }
    return {"version": "4", "status": "firing", "receiver": "tiffin", "alerts": [alert]}


def run_module(module: str, *arguments: str) -> str:
    """Run one of the project's modules in a process of its own; return what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
