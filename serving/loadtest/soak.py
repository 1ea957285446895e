"""Loads a model server steadily over all protocols, and watches whether it stays what it was.

    python -m serving.loadtest.soak http://127.0.0.1:3001 --pid 4711 --rate 200 --minutes 60

One request in fifty is wrong on purpose and one names a model that isn't there, and every two
seconds a client hangs up in the middle. `steadiness` judges what was seen; the exit code is 1 when
something wasn't steady.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import sys
import time
import urllib.request
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import uvloop
from grpclib.client import Channel, UnaryUnaryMethod
from grpclib.exceptions import GRPCError, StreamTerminatedError

from serving.loadtest.bodies import invented_bodies, read_bodies
from serving.loadtest.open_loop import NO_ANSWER, Ask, OpenLoop, Outcome
from serving.loadtest.process_tree import Holdings
from serving.loadtest.soak_requests import Subject, grpc_message, half_a_request, http_asks
from serving.loadtest.steadiness import Bounds, Interval, Sample, complaints
from serving.runtime.grpc import open_inference_pb2 as pb

_INFER = "/inference.GRPCInferenceService/ModelInfer"
_GRPC_SHARE = 0.05
_HANG_UP_EVERY_S = 2.0
_GRPC_ASK = Ask(b"")


@dataclass(frozen=True, slots=True)
class Plan:
    """How long, how much, and how often to look."""

    seconds: float = 600.0
    rate: float = 200.0
    connections: int = 32
    interval_s: float = 60.0
    sample_s: float = 5.0


@dataclass(slots=True)
class Seen:
    """All that a soak has seen."""

    samples: list[Sample] = field(default_factory=list)
    intervals: list[Interval] = field(default_factory=list)

    def complaints(self, bounds: Bounds) -> list[str]:
        """Say what was not steady."""
        return complaints(self.samples, self.intervals, bounds)

    def write(self, file: Path, bounds: Bounds) -> None:
        """Write all of it as JSON."""
        told = {**asdict(self), "bounds": asdict(bounds), "complaints": self.complaints(bounds)}
        file.write_text(json.dumps(told, indent=1) + "\n")


class Soak:
    """One soak of one server; `pid` is the root of its processes."""

    def __init__(self, subject: Subject, pid: int, plan: Plan) -> None:
        self.seen = Seen()
        self._subject = subject
        self._pid = pid
        self._plan = plan
        self._outcome = Outcome()
        self._began = 0.0

    async def run(self) -> Seen:
        """Ask, look and tell, until the time is over."""
        load = OpenLoop(self._subject.port, http_asks(self._subject), self._note, self._plan.rate)
        self._began = time.monotonic()
        forever = (self._ask_over_grpc, self._hang_up, self._look, self._sum_up)
        tasks = [asyncio.create_task(job()) for job in forever]
        try:
            await load.run(self._plan.seconds, self._plan.connections)
        finally:
            for task in tasks:
                task.cancel()
            done = await asyncio.gather(*tasks, return_exceptions=True)
        _raise_first(done)
        if self._outcome.wrong or self._is_long_enough:
            self._end_interval()
        return self.seen

    @property
    def _is_long_enough(self) -> bool:
        """Whether what came after the last interval says anything."""
        before_s = self.seen.intervals[-1].at_s if self.seen.intervals else 0.0
        return self._elapsed_s - before_s > self._plan.interval_s / 2 or not before_s

    @property
    def _elapsed_s(self) -> float:
        return time.monotonic() - self._began

    def _note(self, ask: Ask, status: int, seconds: float) -> None:
        self._outcome.note(ask, status, seconds)

    async def _ask_over_grpc(self) -> None:
        message, metadata = grpc_message(self._subject), dict(self._subject.headers)
        every_s = 1 / (self._plan.rate * _GRPC_SHARE)
        async with Channel("127.0.0.1", self._subject.port) as channel:
            infer = UnaryUnaryMethod(channel, _INFER, pb.ModelInferRequest, pb.ModelInferResponse)
            while True:
                began, status = time.perf_counter(), 200
                try:
                    await infer(message, timeout=10, metadata=metadata)
                except (GRPCError, StreamTerminatedError, OSError, TimeoutError):
                    status = NO_ANSWER
                self._note(_GRPC_ASK, status, time.perf_counter() - began)
                await asyncio.sleep(every_s)

    async def _hang_up(self) -> None:
        whole, half = http_asks(self._subject)[0].wire, half_a_request(self._subject)
        for sent in itertools.cycle((whole, half)):
            await asyncio.sleep(_HANG_UP_EVERY_S)
            with suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", self._subject.port)
                writer.write(sent)
                await writer.drain()
                writer.transport.abort()

    async def _look(self) -> None:
        while True:
            holdings = await asyncio.to_thread(Holdings.of, self._pid)
            self.seen.samples.append(Sample(self._elapsed_s, holdings))
            await asyncio.sleep(self._plan.sample_s)

    async def _sum_up(self) -> None:
        while True:
            await asyncio.sleep(self._plan.interval_s)
            self._end_interval()

    def _end_interval(self) -> None:
        done, self._outcome = self._outcome, Outcome()
        answered, latencies = len(done.seconds), [done.latency_ms(share) for share in (0.5, 0.99)]
        interval = Interval(self._elapsed_s, answered, done.wrong, *latencies)
        self.seen.intervals.append(interval)
        _say(interval, self.seen.samples[-1].holdings, is_first=len(self.seen.intervals) == 1)


def _raise_first(results: Sequence[Any]) -> None:
    for result in results:
        if isinstance(result, Exception):
            raise result


def _say(interval: Interval, held: Holdings, *, is_first: bool) -> None:
    if is_first:
        titles = ("seconds", "answered", "wrong", "p50 ms", "p99 ms", "MB", "files", "threads")
        sys.stdout.write(" ".join(f"{title:>9}" for title in titles) + "\n")
    counts = (f"{interval.at_s:,.0f}", f"{interval.answered:,}", f"{interval.wrong:,}")
    latencies = (f"{interval.p50_ms:.2f}", f"{interval.p99_ms:.2f}")
    cells = (*counts, *latencies, f"{held.memory_mb:.1f}", str(held.files), str(held.threads))
    sys.stdout.write(" ".join(f"{cell:>9}" for cell in cells) + "\n")
    sys.stdout.flush()


def subject_at(url: str, bodies: Sequence[bytes], headers: dict[str, str]) -> Subject:
    """Ask a server what its first model is; `bodies` are bodies of /predict, of which one is used.

    Raises OSError where nobody answers.
    """
    about = _read(f"{url}/model_info")
    described = _read(f"{url}/v2/models/{about['model_name']}")
    row = json.loads(bodies[0])["input_data"]["features"][0]
    port = urlsplit(url).port or 80
    return Subject(port, about["model_name"], row, described["inputs"], headers)


def _read(url: str) -> dict[str, Any]:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return dict(json.load(answer))


def run(subject: Subject, pid: int, plan: Plan, out: Path) -> int:
    """Soak, tell, and write `soak.json` and `soak.svg` below `out`; 1 when it wasn't steady."""
    from serving.loadtest.soak_plot import draw

    bounds = Bounds()
    seen = uvloop.run(Soak(subject, pid, plan).run())
    out.mkdir(parents=True, exist_ok=True)
    seen.write(out / "soak.json", bounds)
    draw(seen.samples, seen.intervals, out / "soak.svg")
    found = seen.complaints(bounds)
    sys.stdout.write(f"\n{'; '.join(found) or 'Steady'}.\n{out}/soak.json, {out}/soak.svg\n")
    return 1 if found else 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from a shell."""
    asked = _parser().parse_args(arguments)
    headers = {
        name.strip(): value.strip() for name, value in (h.split(":", 1) for h in asked.header)
    }
    try:
        file = asked.body_file
        bodies = read_bodies(file) if file else invented_bodies(asked.url)
        subject = subject_at(asked.url, bodies, headers)
        Holdings.of(asked.pid)
    except (OSError, ValueError, LookupError, psutil.Error) as failure:
        sys.stderr.write(f"can't soak {asked.url}: {failure}\n")
        return 2
    return run(subject, asked.pid, Plan(60 * asked.minutes, asked.rate), asked.out)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="soak", description="Steady load for a long time.")
    parser.add_argument("url", help="a model server on this machine's loopback")
    parser.add_argument("--pid", type=int, required=True, help="the root of its processes")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--rate", type=float, default=200.0, help="requests per second")
    parser.add_argument("--body-file", type=Path, help="a body of /predict; else one is made up")
    parser.add_argument("--header", action="append", default=[], help="NAME:VALUE, repeatable")
    parser.add_argument("--out", type=Path, default=Path(), help="where to write JSON and SVG")
    return parser


if __name__ == "__main__":
    sys.exit(main())
