"""A real gateway with real upstreams, for the tests of this folder and the benchmarks."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tiffin.errors import UnavailableError
from tiffin.traffic.envoy_admin import EnvoyAdmin
from tiffin.traffic.envoy_config import discovery
from tiffin.traffic.envoy_confirmation import EnvoyConfirmation, rds
from tiffin.traffic.envoy_counters import EnvoyCounters
from tiffin.traffic.envoy_router import EnvoyRouter
from tiffin.traffic.envoy_routes import route_config
from tiffin.traffic.envoy_validation import envoy_binary
from tiffin.traffic.gateway_files import ensure_gateway_files
from tiffin.traffic.split import WHOLE, Backend, Endpoint, Split, Timeouts


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(is_so: Callable[[], bool], what: str, *, timeout_s: float = 20.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not is_so():
        assert time.monotonic() < deadline, f"not within {timeout_s} s: {what}"
        time.sleep(0.005)


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes
    headers: dict[str, str]

    @property
    def revision(self) -> str | None:
        return self.headers.get("x-tiffin-revision")


def ask(port: int, path: str = "/predict", headers: dict[str, str] | None = None) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=15)
    try:
        connection.request("POST", path, body=b"{}", headers=headers or {})
        answer = connection.getresponse()
        got = {name.lower(): value for name, value in answer.getheaders()}
        return Answer(answer.status, answer.read(), got)
    finally:
        connection.close()


def answers(port: int, path: str = "/readyz") -> bool:
    try:
        return ask(port, path).status == 200
    except OSError:
        return False


@dataclass
class Upstream:
    """One Revision's process."""

    revision: str
    port: int
    process: subprocess.Popen[bytes]

    def backend(self, weight: int) -> Backend:
        return Backend(self.revision, Endpoint("127.0.0.1", self.port), weight)

    def become(self, mode: str) -> None:
        assert ask(self.port, f"/become/{mode}").status == 200

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@dataclass
class Envoy:
    """One Envoy of a gateway; `start` after `kill` is a restart."""

    name: str
    log: Path
    admin_port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def admin(self) -> EnvoyAdmin:
        return EnvoyAdmin(f"http://127.0.0.1:{self.admin_port}")

    def start(self, bootstrap: Path, *, environment: dict[str, str] | None = None) -> None:
        command = [str(envoy_binary()), "-c", str(bootstrap), "--concurrency", "2"]
        command += ["--disable-hot-restart", "-l", "warning"]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)

    def is_live(self) -> bool:
        try:
            return self.admin.text("/ready") == "LIVE\n"
        except UnavailableError:
            return False

    def runs(self, split: Split) -> bool:
        """Tell whether it has taken up the routes of a Split."""
        version = discovery([route_config(split)])["version_info"]
        return EnvoyConfirmation([self.admin]).runs({rds(split.service): version})

    def number(self, name: str) -> int:
        """Return a gauge or counter by its full name; 0 while nobody has counted."""
        found = {}
        for kind in ("Gauges", "Counters"):
            found |= self.admin.numbers(f"^{re.escape(name)}$", kind)
        return found.get(name, 0)

    def kill(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None


@dataclass
class Gateway:
    """The Envoys that share a folder and the services' ports: two, as in the stack."""

    folder: Path
    envoys: tuple[Envoy, ...] = field(init=False)
    upstreams: list[Upstream] = field(default_factory=list)

    def __post_init__(self) -> None:
        names = ("envoy-1", "envoy-2")
        self.envoys = tuple(Envoy(name, self.folder / f"{name}.log") for name in names)

    @property
    def admin_urls(self) -> tuple[str, ...]:
        return tuple(envoy.admin.url for envoy in self.envoys)

    def router(self, **options: Any) -> EnvoyRouter:
        return EnvoyRouter(self.folder, self.admin_urls, **options)

    def counters(self) -> EnvoyCounters:
        return EnvoyCounters(self.admin_urls)

    def requests(self, service: str) -> int:
        return sum(counts.total for counts in self.counters().read(service).counts.values())

    def start(self, *, wait: bool = True, timeout_s: float = 20.0) -> None:
        """Start the Envoys that do not run."""
        bootstraps = self.bootstraps()
        for envoy in self.envoys:
            if not envoy.process:
                envoy.start(bootstraps[envoy.name])
        if wait:
            wait_until(self.is_live, "the gateway is live", timeout_s=timeout_s)

    def bootstraps(self) -> dict[str, Path]:
        ports = {envoy.name: envoy.admin_port for envoy in self.envoys}
        return ensure_gateway_files(self.folder, ports)

    def is_live(self) -> bool:
        return all(envoy.is_live() for envoy in self.envoys)

    def runs(self, split: Split) -> bool:
        return all(envoy.runs(split) for envoy in self.envoys)

    def kill(self) -> None:
        for envoy in self.envoys:
            envoy.kill()

    def upstream(self, revision: str) -> Upstream:
        port = free_port()
        script = str(Path(__file__).with_name("upstream.py"))
        process = subprocess.Popen([sys.executable, "-S", script, str(port), revision])
        upstream = Upstream(revision, port, process)
        self.upstreams.append(upstream)
        wait_until(lambda: answers(port), f"{revision} is up")
        return upstream

    def close(self) -> None:
        self.kill()
        for upstream in self.upstreams:
            upstream.process.kill()
            upstream.process.wait()


def split_of(
    *weighted: tuple[Upstream, int],
    service: str = "iris",
    port: int,
    fallback: str | None = None,
    **options: Any,
) -> Split:
    backends = tuple(upstream.backend(weight) for upstream, weight in weighted)
    options.setdefault("timeouts", Timeouts(5.0, 0.5))
    return Split(service, port, backends, fallback or backends[0].revision, **options)


def half_and_half(stable: Upstream, candidate: Upstream, port: int) -> Split:
    return split_of((stable, WHOLE // 2), (candidate, WHOLE // 2), port=port)


def go_live(router: EnvoyRouter, split: Split, release: str = "r1", **options: Any) -> None:
    route = router.read(split.service)
    router.take_over(split.service, release, generation=route.generation if route else 0)
    router.write(split, release=release, **options)


@dataclass
class Load:
    """A load in its own process; `summary` is filled when the `with` block ends."""

    process: subprocess.Popen[bytes]
    summary: dict[str, Any] = field(default_factory=dict)


@contextlib.contextmanager
def steady_load(
    gateway: Gateway, port: int, *, rate: int = 200, service: str = "iris"
) -> Iterator[Load]:
    """Load a service from another process, already flowing when the `with` block begins."""
    body = gateway.folder / "body.json"
    body.write_text("{}")
    command = [sys.executable, "-m", "serving.loadtest.steady_load"]
    target = [f"http://127.0.0.1:{port}/predict", "--rate", str(rate), "--body-file", str(body)]
    process = subprocess.Popen([*command, *target], stdout=subprocess.PIPE)
    load = Load(process)
    try:
        before = gateway.requests(service)
        wait_until(lambda: gateway.requests(service) > before + 20, "the load flows")
        yield load
    finally:
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=30)
        load.summary.update(json.loads(out) if out else {})
