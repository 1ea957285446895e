"""Ways to load a contender: `wrk` over HTTP, a small client over gRPC, or calls in process.

All are closed loops: so many connections, each with one request at a time, as fast as answers
come back. What the generator itself costs is measured apart.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import psutil

from benchmarks.serving.contenders import Contender
from benchmarks.serving.peers.job import Job
from benchmarks.serving.servers import MODEL, PROJECT, Cores, Server, check, environment_of
from benchmarks.serving.wires import WIRES, Batch, Message, Wire

_ROTATE = Path(__file__).with_name("rotate.lua")
_CORES = Cores.of_this_machine()


@dataclass(frozen=True, slots=True)
class Load:
    """What one round did."""

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    failed: int
    server_cpu_s: float
    generator_cpu_s: float = 0.0
    others_share: float = 0.0
    """The share of the servers' core that others took, the hypervisor too."""

    @property
    def rate(self) -> float:
        """Requests per second."""
        return self.requests / self.seconds

    @property
    def cpu_us(self) -> float:
        """CPU microseconds of the server's whole tree for one request."""
        return 1e6 * self.server_cpu_s / max(self.requests, 1)

    @property
    def generator_share(self) -> float:
        """The share of its core that the generator needed; near 1 it was the limit."""
        return self.generator_cpu_s / self.seconds


class LoadError(RuntimeError):
    """The generator is missing, or failed itself."""


def require_wrk() -> None:
    """Raise LoadError with what to do where there is no wrk."""
    if shutil.which("wrk") is None:
        raise LoadError("wrk is missing; install it (apt-get install wrk) and run this again")


class Lane(Protocol):
    """A contender with one model, asked over one protocol with so many rows."""

    contender: Contender
    protocol: str
    most_connections: int

    def verify(self) -> None:
        """Ask all bodies, one by one and all at once; raise where an answer is wrong."""
        ...

    def fire(self, connections: int, seconds: int) -> Load:
        """Load for a while."""
        ...

    def awake(self) -> AbstractContextManager[None]:
        """Let the server's processes run meanwhile."""
        ...


class ServerLane:
    """A running server, over HTTP or gRPC."""

    most_connections = 10_000

    def __init__(self, server: Server, protocol: str, asked: Sequence[Batch], folder: Path) -> None:
        self.contender, self.protocol = server.contender, protocol
        self._server, self._wire, self._asked = server, WIRES[protocol], asked
        folder.mkdir(parents=True, exist_ok=True)
        self._files = [folder / f"{protocol}-{index}" for index in range(len(asked))]
        for file, batch in zip(self._files, asked, strict=True):
            file.write_bytes(_request(server, self._wire, server.message(self._wire, batch)))

    def verify(self) -> None:
        """Ask one by one, then all at once, which batches them where there is batching."""
        for batch in self._asked:
            check(self._server, batch, self._server.ask(self._wire, batch))
        with ThreadPoolExecutor(len(self._asked)) as threads:
            answers = threads.map(lambda batch: self._server.ask(self._wire, batch), self._asked)
            for batch, answer in zip(self._asked, answers, strict=True):
                check(self._server, batch, answer)

    def fire(self, connections: int, seconds: int) -> Load:
        """Run a generator on its own core, and read the server's CPU before and after."""
        command = (self._grpc if self._wire.is_grpc else self._wrk)(connections, seconds)
        before, began = self._spent(), time.monotonic()
        found = _run(command, _CORES.generator, dict(os.environ))
        server, generator, core = (b - a for a, b in zip(before, self._spent(), strict=True))
        others = core - server if _CORES.are_apart else core - server - generator
        shares = {"others_share": max(0.0, others / (time.monotonic() - began))}
        return Load(**{"generator_cpu_s": generator, "server_cpu_s": server} | shares | found)

    def _spent(self) -> tuple[float, float, float]:
        """Return the CPU seconds so far of the server, of generators, and of the servers' core."""
        return self._server.cpu_s(), _children_cpu_s(), _busy_s(_CORES.servers)

    def _wrk(self, connections: int, seconds: int) -> list[str]:
        options = ["-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s"]
        url = f"http://{self._server.target(self._wire)}"
        return ["wrk", *options, "-s", str(_ROTATE), url, "--", *map(str, self._files)]

    def _grpc(self, connections: int, seconds: int) -> list[str]:
        headers = [f"--header={name}={value}" for name, value in self.contender.headers.items()]
        return [
            *(sys.executable, "-m", "benchmarks.serving.grpc_load"),
            *("--connections", str(connections), "--seconds", str(seconds), *headers),
            *(self._server.target(self._wire), *map(str, self._files)),
        ]

    @contextlib.contextmanager
    def awake(self) -> Iterator[None]:
        """Thaw, and freeze again."""
        self._server.thaw()
        try:
            yield
        finally:
            self._server.freeze()


class InProcessLane:
    """The call itself, in a process of its own that it ends with."""

    protocol = "call"
    most_connections = 1

    def __init__(
        self, contender: Contender, model: Path, asked: Sequence[Batch], folder: Path
    ) -> None:
        self.contender = contender
        folder.mkdir(parents=True, exist_ok=True)
        job = Job(model, contender.engine, is_tuned=False, port=0)
        self._command = contender.command(job, folder)
        self._environment = environment_of(contender, job, folder)
        self._files = [folder / f"call-{index}" for index in range(len(asked))]
        for file, batch in zip(self._files, asked, strict=True):
            file.write_bytes(WIRES["instances"].ask(batch, MODEL).body)

    def verify(self) -> None:
        """Nothing to ask: its answers are those that all others are compared with."""

    def fire(self, connections: int, seconds: int) -> Load:
        """Call one after the other on the servers' core."""
        command = [*self._command, "--seconds", str(seconds), *map(str, self._files)]
        return Load(**_run(command, _CORES.servers, self._environment))

    def awake(self) -> AbstractContextManager[None]:
        """Nothing sleeps."""
        return contextlib.nullcontext()


def _request(server: Server, wire: Wire, message: Message) -> bytes:
    """Return what the generator sends: a whole HTTP request, or gRPC's message."""
    if wire.is_grpc:
        return message.body
    head = [
        f"POST {wire.path.format(model=MODEL)} HTTP/1.1",
        f"Host: {server.target(wire)}",
        *(f"{name}: {value}" for name, value in message.headers.items()),
        f"Content-Length: {len(message.body)}",
    ]
    return "\r\n".join([*head, "", ""]).encode() + message.body


def _run(command: list[str], cores: frozenset[int], environment: dict[str, str]) -> dict[str, Any]:
    """Run a generator and read the one JSON object that it ends with."""
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        cwd=PROJECT,
        env=environment,
        check=False,
        preexec_fn=_pinned_to(cores),
    )
    _, brace, told = done.stdout.rpartition("{")
    if done.returncode or not brace:
        raise LoadError(f"{command[0]} failed: {(done.stdout + done.stderr)[-1000:]}")
    return dict(json.loads(brace + told))


def _pinned_to(cores: frozenset[int]) -> Callable[[], None]:
    return lambda: os.sched_setaffinity(0, cores)


def _busy_s(cores: frozenset[int]) -> float:
    """Return how long the cores were not idle, with the time that the hypervisor took."""
    times = psutil.cpu_times(percpu=True)
    return sum(sum(times[core][:8]) - times[core].idle - times[core].iowait for core in cores)


def _children_cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
