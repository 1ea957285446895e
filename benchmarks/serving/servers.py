"""A server under test: started, asked until it answers right, frozen, measured, killed."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil

from benchmarks.serving.contenders import Contender
from benchmarks.serving.peers.job import Job
from benchmarks.serving.wires import GRPC_METHOD, WIRES, Batch, Message, Wire

PROJECT = Path(__file__).resolve().parents[2]
MODEL = "bench"
"""What every server calls its one model."""
READY_WITHIN_S = 300
_ASK_AGAIN_S = 0.01
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


class AnswerError(RuntimeError):
    """A server does not answer what the model answers."""


class NoAnswerError(AnswerError):
    """A server refused, or failed."""


class WrongAnswerError(AnswerError):
    """A server answered, but not what the model answers."""


@dataclass(frozen=True, slots=True)
class Cores:
    """Which processors the servers have and which the generator; the same where there is one."""

    servers: frozenset[int]
    generator: frozenset[int]

    @property
    def are_apart(self) -> bool:
        """Whether the generator leaves the servers' core alone."""
        return not self.servers & self.generator

    @classmethod
    def of_this_machine(cls) -> Cores:
        """Give the first processor to the servers and the last to the generator."""
        usable = sorted(os.sched_getaffinity(0))
        return cls(frozenset(usable[:1]), frozenset(usable[-1:]))


class Server:
    """A contender's processes with one model."""

    def __init__(self, contender: Contender, job: Job, guardian: subprocess.Popen[bytes]) -> None:
        self.contender = contender
        self.job = job
        self.cold_start_s = 0.0
        self._guardian = psutil.Process(guardian.pid)

    def target(self, wire: Wire) -> str:
        """Return host and port for a protocol."""
        port = self.job.port
        if wire.is_grpc and self.contender.has_grpc_port:
            port = self.job.grpc_port
        return f"127.0.0.1:{port}"

    @property
    def pid(self) -> int:
        """The process below which all of the server's are."""
        return self._guardian.pid

    @property
    def is_alive(self) -> bool:
        """Whether the command still runs."""
        return self._guardian.is_running() and self._guardian.status() != psutil.STATUS_ZOMBIE

    def message(self, wire: Wire, batch: Batch) -> Message:
        """Return the body and the headers that ask this contender for a batch."""
        message = wire.ask(batch, MODEL)
        return Message(message.body, {**message.headers, **self.contender.headers})

    def ask(self, wire: Wire, batch: Batch) -> np.ndarray:
        """Ask once and return the answer; NoAnswerError for any status but success."""
        message, target = self.message(wire, batch), self.target(wire)
        if wire.is_grpc:
            return wire.read(_call(target, message), {})
        connection = http.client.HTTPConnection(target, timeout=30)
        try:
            connection.request("POST", wire.path.format(model=MODEL), message.body, message.headers)
            answer = connection.getresponse()
            body = answer.read()
        finally:
            connection.close()
        if answer.status != 200:
            raise NoAnswerError(f"{answer.status}: {body[:300].decode(errors='replace')}")
        return wire.read(body, {name.lower(): value for name, value in answer.headers.items()})

    def cpu_s(self) -> float:
        """Return the CPU seconds of the whole tree, those of its dead included."""
        ours, total = self._guardian.cpu_times(), 0.0
        for process in self._tree():
            with contextlib.suppress(psutil.NoSuchProcess):
                total += sum(process.cpu_times()[:4])
        return total + ours.children_user + ours.children_system

    def memory_mb(self) -> float:
        """Return the tree's proportional share of memory."""
        total = 0
        for process in self._tree():
            with contextlib.suppress(psutil.NoSuchProcess):
                total += process.memory_full_info().pss
        return total / 1e6

    def freeze(self) -> None:
        """Stop all processes, so that an idle server takes no time from the one measured."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let all processes go on."""
        self._signal(signal.SIGCONT)

    def _tree(self) -> list[psutil.Process]:
        return self._guardian.children(recursive=True)

    def _signal(self, number: signal.Signals) -> None:
        for process in self._tree():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(number)


def _call(target: str, message: Message) -> bytes:
    import grpc

    with grpc.insecure_channel(target) as channel:
        method = channel.unary_unary(GRPC_METHOD)
        try:
            answer: bytes = method(message.body, timeout=30, metadata=[*message.headers.items()])
        except grpc.RpcError as error:
            raise NoAnswerError(str(error)[:300]) from None
    return answer


@contextlib.contextmanager
def running(
    contender: Contender, folder: Path, scratch: Path, cores: Cores, first: Batch
) -> Iterator[Server]:
    """Start a contender and yield it once it has answered a batch right; leave nothing behind.

    Raises WrongAnswerError when its first answer is wrong, TimeoutError when there is none.
    """
    scratch.mkdir(parents=True)
    job = Job(folder, contender.engine, contender.is_tuned, *_free_ports(2))
    command = contender.command(job, scratch)
    began, log = time.perf_counter(), scratch / "log.txt"
    with log.open("wb") as stream:
        guardian = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.serving.guardian", *command],
            env=environment_of(contender, job, scratch),
            cwd=PROJECT,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            preexec_fn=lambda: os.sched_setaffinity(0, cores.servers),
        )
    try:
        server = Server(contender, job, guardian)
        _wait_for_answer(server, first, log)
        server.cold_start_s = time.perf_counter() - began
        yield server
    finally:
        guardian.terminate()
        guardian.wait()


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as open_:
        sockets = [open_.enter_context(socket.socket()) for _ in range(count)]
        for listener in sockets:
            listener.bind(("127.0.0.1", 0))
        return [int(listener.getsockname()[1]) for listener in sockets]


def environment_of(contender: Contender, job: Job, scratch: Path) -> dict[str, str]:
    """Return a contender's variables: the job, its own, and one thread for linear algebra."""
    return {
        **os.environ,
        **_ONE_THREAD,
        "PYTHONPATH": str(PROJECT),
        "PYTHONUNBUFFERED": "1",
        "BENCH_SCRATCH": str(scratch),
        **job.environment(),
        **contender.variables(job, scratch),
    }


def _wait_for_answer(server: Server, batch: Batch, log: Path) -> None:
    deadline = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline and server.is_alive:
        try:
            found = server.ask(WIRES[server.contender.wires[0]], batch)
        except (OSError, http.client.HTTPException, NoAnswerError):
            time.sleep(_ASK_AGAIN_S)
            continue
        return check(server, batch, found)
    said = log.read_text(errors="replace")[-2000:]
    raise TimeoutError(f"{server.contender.name} gave no answer; it said: {said}")


def check(server: Server, batch: Batch, found: np.ndarray) -> None:
    """Raise WrongAnswerError unless the answer is the model's."""
    wrong = batch.disagreement(found)
    if wrong:
        raise WrongAnswerError(f"{server.contender.name} answers wrong: {wrong}")
