"""A steady load that shows every failure, and what one retry would have made of it.

    python -m tests.e2e.patient_load http://127.0.0.1:3001/predict BODIES.jsonl --rate 20

It prints `flowing` with the first good answer and, when SIGTERM ends it, one JSON line. Callers
of a gateway that is being restarted get no answer at all: each such failure is listed with its
time, so that it can be told from a bad answer.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from serving.loadtest.steady_load import REVISION_HEADER, SteadyLoad, Target, read_bodies
from serving.loadtest.timeline import NO_ANSWER, Record
from tiffin.home import PROJECT

RETRY_AFTER_S = 3.0
"""How long a patient caller waits before it asks again: a gateway restarts in less."""


class PatientLoad(SteadyLoad):
    """A SteadyLoad whose failed requests are sent once more, counted beside the first tries."""

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self.failures: list[tuple[float, int, str]] = []
        self.failed_again: list[float] = []

    async def _send(self, session: aiohttp.ClientSession, body: bytes | None) -> None:
        record, error = await self._try(session, body)
        self.timeline.add(record)
        if not record.is_failed:
            if len(self.timeline) - len(self.failures) == 1:
                print("flowing", flush=True)
            return
        self.failures.append((record.at, record.status, error or record.revision))
        await asyncio.sleep(RETRY_AFTER_S)
        again, _ = await self._try(session, body)
        if again.is_failed:
            self.failed_again.append(record.at)

    async def _try(self, session: aiohttp.ClientSession, body: bytes | None) -> tuple[Record, str]:
        begin, status, revision, failed = time.monotonic(), NO_ANSWER, "", ""
        headers = {"content-type": "application/json", **self.target.headers}
        try:
            async with session.post(self.target.url, data=body, headers=headers) as answer:
                await answer.read()
                status, revision = answer.status, answer.headers.get(REVISION_HEADER, "")
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            failed = type(error).__name__
        return Record(time.time(), status, revision, (time.monotonic() - begin) * 1000), failed


@dataclass
class LoadReport:
    """What the callers saw; filled when the load has ended."""

    sent: int = 0
    failures: list[tuple[float, int, str]] = field(default_factory=list)
    failed_again: list[float] = field(default_factory=list)
    """When the failures were that one retry did not mend."""
    answers: list[tuple[float, str]] = field(default_factory=list)
    """The time and the Revision of each good answer."""
    tries: list[tuple[float, float, bool]] = field(default_factory=list)
    """When each first try began and ended, and whether it failed."""

    @property
    def failed_after_retry(self) -> int:
        """Requests that failed at the first try and at the second."""
        return len(self.failed_again)

    @property
    def unanswered(self) -> int:
        """Requests that got no answer: refused, reset or too late."""
        return sum(status == NO_ANSWER for _, status, _ in self.failures)

    @property
    def answered_badly(self) -> int:
        """Requests that got an answer, and it was not 2xx."""
        return len(self.failures) - self.unanswered

    def between(self, begin: float, end: float) -> LoadReport:
        """Return the part of it that ended in this time."""
        tries = [each for each in self.tries if begin <= each[1] < end]
        return LoadReport(
            sent=len(tries),
            failures=[failure for failure in self.failures if begin <= failure[0] < end],
            failed_again=[at for at in self.failed_again if begin <= at < end],
            answers=[answer for answer in self.answers if begin <= answer[0] < end],
            tries=tries,
        )

    def in_flight(self, begin: float, end: float) -> int:
        """Count the first tries that were under way at some time in between."""
        return sum(began <= end and ended >= begin for began, ended, _ in self.tries)

    def failed_outside(self, *moments: tuple[float, float]) -> list[tuple[float, float]]:
        """Return the failed first tries that were under way in none of these moments."""
        return [
            (began, ended)
            for began, ended, is_failed in self.tries
            if is_failed and not any(began <= end and ended >= begin for begin, end in moments)
        ]

    def answers_by(self, revision: str) -> int:
        """Count a Revision's good answers."""
        return sum(name == revision for _, name in self.answers)


@contextlib.contextmanager
def load_on(
    url: str, bodies: Path, *, rate: float = 20, fresh: bool = False
) -> Iterator[LoadReport]:
    """Load a URL while the block runs, from another process; it flows when the block begins.

    Callers keep their connections; `fresh` ones open another for each request.
    """
    command = [sys.executable, "-m", "tests.e2e.patient_load", url, str(bodies)]
    command += ["--rate", str(rate), *(["--fresh"] if fresh else [])]
    process = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True)
    report = LoadReport()
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "flowing\n", f"no good answer from {url}"
        yield report
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            told, _ = process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    seen = json.loads(told.splitlines()[-1])
    report.sent, report.failed_again = seen["sent"], seen["failed_again"]
    report.failures = [(at, status, what) for at, status, what in seen["failures"]]
    report.answers = [(at, revision) for at, revision in seen["answers"]]
    report.tries = [(began, ended, is_failed) for began, ended, is_failed in seen["tries"]]


def main() -> None:
    """Load until SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("url")
    parser.add_argument("bodies", type=Path)
    parser.add_argument("--rate", type=float, default=20)
    parser.add_argument("--fresh", action="store_true")
    options = parser.parse_args()
    headers = {"connection": "close"} if options.fresh else {}
    target = Target(options.url, options.rate, read_bodies(options.bodies), headers)
    load = asyncio.run(_run(PatientLoad(target)))
    print(json.dumps(_report(load)), flush=True)


async def _run(load: PatientLoad) -> PatientLoad:
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, load.stop)
    await load.run()
    return load


def _report(load: PatientLoad) -> dict[str, Any]:
    return {
        "sent": load.requests_sent,
        "failures": load.failures,
        "failed_again": load.failed_again,
        "answers": [(r.at, r.revision) for r in load.timeline if not r.is_failed],
        "tries": [(r.at - r.latency_ms / 1000, r.at, r.is_failed) for r in load.timeline],
    }


if __name__ == "__main__":
    main()
