"""Sends requests at a constant rate, however slow the answers are, and keeps what became of each.

As a library: `timeline = await SteadyLoad(target).run(seconds=10)`. From a shell, until SIGTERM or
SIGINT, which end it with a summary:

    python -m serving.loadtest.steady_load http://127.0.0.1:9001/predict --rate 100 \
        --body-file golden.jsonl --summary load.json --csv load.csv
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import json
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from serving.loadtest.bodies import read_bodies
from serving.loadtest.timeline import NO_ANSWER, Record, Timeline

REVISION_HEADER = "x-tiffin-revision"


@dataclass(frozen=True, slots=True)
class Target:
    """What to send, where to and how often; the bodies are sent in turn, none means GET."""

    url: str
    rate: float = 100.0
    bodies: Sequence[bytes] = ()
    headers: dict[str, str] = field(default_factory=dict)
    timeout_s: float = 10.0


class SteadyLoad:
    """One load; `stop` may be called any number of times, from the same event loop."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.timeline = Timeline()
        self.requests_sent = 0
        self._stopped = asyncio.Event()

    def stop(self) -> None:
        """Send nothing more; requests on their way are waited for."""
        self._stopped.set()

    async def run(self, seconds: float | None = None) -> Timeline:
        """Send until `seconds` are over or `stop` is called, then wait for the last answers."""
        timeout = aiohttp.ClientTimeout(total=self.target.timeout_s)
        connector = aiohttp.TCPConnector(limit=0)
        async with (
            aiohttp.ClientSession(timeout=timeout, connector=connector) as session,
            asyncio.TaskGroup() as requests,
        ):
            await self._send_on_time(session, requests, seconds)
        return self.timeline

    def summary(self) -> dict[str, Any]:
        """Return what happened so far; after `run`, all of it."""
        return self.timeline.summary(self.requests_sent)

    async def _send_on_time(
        self,
        session: aiohttp.ClientSession,
        requests: asyncio.TaskGroup,
        seconds: float | None,
    ) -> None:
        bodies = itertools.cycle(self.target.bodies or [None])
        start = time.monotonic()
        while not self._stopped.is_set():
            elapsed = time.monotonic() - start
            if seconds is not None and elapsed >= seconds:
                return
            # Whatever fell due during a stall is sent at once: the rate is kept on average.
            while self.requests_sent <= elapsed * self.target.rate:
                self.requests_sent += 1
                requests.create_task(self._send(session, next(bodies)))
            wait_s = self.requests_sent / self.target.rate - (time.monotonic() - start)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopped.wait(), max(wait_s, 0.001))

    async def _send(self, session: aiohttp.ClientSession, body: bytes | None) -> None:
        begin = time.monotonic()
        status, revision = NO_ANSWER, ""
        method = "GET" if body is None else "POST"
        headers = {"content-type": "application/json", **self.target.headers}
        try:
            async with session.request(
                method, self.target.url, data=body, headers=headers
            ) as answer:
                await answer.read()
                status, revision = answer.status, answer.headers.get(REVISION_HEADER, "")
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            self.timeline.errors[type(error).__name__] += 1
        latency_ms = (time.monotonic() - begin) * 1000
        self.timeline.add(Record(time.time(), status, revision, latency_ms))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from a shell; the exit code is 1 when a request failed."""
    options = _parser().parse_args(arguments)
    load = asyncio.run(_run(options))
    summary = json.dumps(load.summary(), indent=1)
    if options.csv:
        load.timeline.write_csv(options.csv)
    if options.summary:
        draft = options.summary.with_name(f".{options.summary.name}.draft")
        draft.write_text(summary + "\n")
        draft.replace(options.summary)
    sys.stdout.write(summary + "\n")
    return 1 if load.summary()["requests_failed"] else 0


async def _run(options: argparse.Namespace) -> SteadyLoad:
    target = Target(
        url=options.url,
        rate=options.rate,
        bodies=read_bodies(options.body_file) if options.body_file else (),
        headers=dict(header.split(":", 1) for header in options.header),
        timeout_s=options.timeout,
    )
    load = SteadyLoad(target)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, load.stop)
    await load.run(options.seconds)
    return load


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="steady_load", description="Constant load on a service.")
    parser.add_argument("url")
    parser.add_argument("--rate", type=float, default=100.0, help="requests per second")
    parser.add_argument("--seconds", type=float, help="without it: until SIGTERM or SIGINT")
    parser.add_argument("--body-file", type=Path, help=".json: one body; .jsonl: one per line")
    parser.add_argument("--header", action="append", default=[], help="NAME:VALUE, repeatable")
    parser.add_argument("--timeout", type=float, default=10.0, help="seconds per request")
    parser.add_argument("--summary", type=Path, help="write the summary here, too")
    parser.add_argument("--csv", type=Path, help="write one line per request here")
    return parser


if __name__ == "__main__":
    sys.exit(main())
