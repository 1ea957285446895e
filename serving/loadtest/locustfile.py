"""Finds the rate at which a running service saturates, with Locust.

    locust -f serving/loadtest/locustfile.py --host http://127.0.0.1:3001 --headless

`make load-test` does that and draws the curve. Users arrive at random and independently of each
other, each about twenty times a second on a connection of its own; one that is kept waiting asks
the next time at once, and what it was late counts as latency. Run it from the checkout;
`--processes` spreads the users over several cores.
"""

from __future__ import annotations

import itertools
import json
import random
import sys
import time
from pathlib import Path
from typing import Any

import gevent  # type: ignore[import-untyped]
from locust import (  # type: ignore[import-not-found]
    FastHttpUser,
    LoadTestShape,
    events,
    runners,
    task,
)

from serving.loadtest.bodies import invented_bodies, read_bodies
from serving.loadtest.stairs import Limits, Stairs, Step, document, next_rate, verdict
from serving.loadtest.tally import Seconds

ASKS_PER_USER = 20.0
"""Requests per second of each user."""
_SPAWNED_PER_S = 500
_SETTLE_S = 2.0
"""What a step's new users do to the latency of its first seconds is not its own doing."""
_REPORT_S = 1.0
_PATIENCE_S = 0.5
"""A user who is later than this gives up what was missed, so that a step ends with its load."""

COUNTED = Seconds()
BODIES: list[bytes] = []

runners.WORKER_REPORT_INTERVAL = _REPORT_S


@events.init_command_line_parser.add_listener  # type: ignore[untyped-decorator]
def add_options(parser: Any) -> None:
    """Add what can be said about the service and the search."""
    add = parser.add_argument
    add("--path", default="/predict", help="where to POST")
    add("--body-file", default="", help=".json: one body; .jsonl: one per line, sent in turn")
    add("--header", action="append", default=[], help="NAME:VALUE, repeatable", is_secret=True)
    add("--start-rate", type=float, default=100.0, help="requests per second of the first step")
    add("--most-rate", type=float, default=20_000.0, help="requests per second to stop at")
    add("--step-seconds", type=float, default=8.0, help="how long each rate is held")
    add("--p99-ms", type=float, default=100.0, help="a slower p99 counts as saturation")
    add("--steps-file", default="", help="write what was found here, as JSON")


@events.test_start.add_listener  # type: ignore[untyped-decorator]
def read_what_to_send(environment: Any, **rest: Any) -> None:
    """Get the bodies, before the first user asks; without any there is nothing to do."""
    try:
        BODIES[:] = _bodies(environment.host, environment.parsed_options)
    except (OSError, ValueError) as failure:
        environment.process_exit_code = 2
        sys.stderr.write(f"{failure}\n")
        environment.runner.quit()


def _bodies(host: str, options: Any) -> list[bytes]:
    if options.start_rate <= 0 or options.step_seconds < _SETTLE_S + 2 * _REPORT_S:
        raise ValueError("--start-rate must be over 0 and --step-seconds at least 4")
    if options.body_file:
        return read_bodies(Path(options.body_file))
    if not options.path.endswith("/predict"):
        raise ValueError(
            f"only for /predict a body can be made up; {options.path} needs --body-file"
        )
    return invented_bodies(host)


@events.init.add_listener  # type: ignore[untyped-decorator]
def watch_own_share(environment: Any, **rest: Any) -> None:
    """Note each second how much of a core this process takes: it must not be the limit."""

    def watch() -> None:
        began, used = time.monotonic(), time.process_time()
        while True:
            gevent.sleep(_REPORT_S)
            now, uses = time.monotonic(), time.process_time()
            COUNTED.at(time.time()).generator_share = (uses - used) / (now - began)
            began, used = now, uses

    gevent.spawn(watch)


@events.report_to_master.add_listener  # type: ignore[untyped-decorator]
def send_counts(client_id: str, data: dict[str, Any]) -> None:
    """Tell the process that decides what this one has counted."""
    data["counted"] = COUNTED.taken()


@events.worker_report.add_listener  # type: ignore[untyped-decorator]
def take_counts(client_id: str, data: dict[str, Any]) -> None:
    """Count what a worker tells."""
    COUNTED.merge(data["counted"])


class Caller(FastHttpUser):  # type: ignore[misc]
    """One of many who ask at random times."""

    connection_timeout = network_timeout = 10.0

    def on_start(self) -> None:
        """Begin at a time of one's own."""
        options = self.environment.parsed_options
        self._path = options.path
        pairs = (header.split(":", 1) for header in options.header)
        self._headers = {name.strip(): value.strip() for name, value in pairs}
        self._headers["content-type"] = "application/json"
        self._bodies = itertools.cycle(random.sample(BODIES, len(BODIES)))
        self._due = time.perf_counter()
        gevent.sleep(self.wait_time())

    def wait_time(self) -> float:
        """Return how long until the next request is due; nothing when it is overdue."""
        now = time.perf_counter()
        self._due += random.expovariate(ASKS_PER_USER)
        if now - self._due > _PATIENCE_S:
            self._due = now
        return max(0.0, self._due - now)

    @task  # type: ignore[untyped-decorator]
    def ask(self) -> None:
        """Ask once, and count from when it was due: whoever waits behind a slow answer waits."""
        answer = self.client.post(self._path, data=next(self._bodies), headers=self._headers)
        latency_ms = (time.perf_counter() - self._due) * 1000
        COUNTED.at(time.time()).add(answer.status_code, latency_ms)


class Climb(LoadTestShape):  # type: ignore[misc]
    """Offers a rate for a while, then asks `stairs` what is next."""

    def __init__(self) -> None:
        super().__init__()
        self._steps: list[Step] = []
        self._rate = 0.0
        self._began = 0.0

    def tick(self) -> tuple[int, float] | None:
        """Return the users that there should be; None ends the test."""
        if self._rate and time.time() - self._began < self._options.step_seconds:
            return self._users()
        if self._rate:
            self._finish_step()
        following = next_rate(self._steps, self._stairs, self._limits)
        if following is None:
            self._tell()
            return None
        self._rate, self._began = following, time.time()
        return self._users()

    @property
    def _options(self) -> Any:
        return self.runner.environment.parsed_options

    @property
    def _stairs(self) -> Stairs:
        return Stairs(self._options.start_rate, self._options.most_rate)

    @property
    def _limits(self) -> Limits:
        return Limits(p99_ms=self._options.p99_ms)

    def _users(self) -> tuple[int, float]:
        return max(1, round(self._rate / ASKS_PER_USER)), _SPAWNED_PER_S

    def _finish_step(self) -> None:
        # Workers report once a second, so the last one may not be whole yet.
        begin, end = int(self._began + _SETTLE_S), int(time.time() - _REPORT_S)
        users, _ = self._users()
        tally = COUNTED.between(begin, end)
        self._steps.append(Step.of(users * ASKS_PER_USER, tally, end - begin))
        _say_step(self._steps[-1], is_first=len(self._steps) == 1)

    def _tell(self) -> None:
        options = self._options
        sys.stdout.write(f"\n{verdict(self._steps, self._limits)}\n")
        if options.steps_file:
            host = self.runner.environment.host
            found = document(f"{host}{options.path}", self._steps, self._limits)
            Path(options.steps_file).write_text(json.dumps(found, indent=1) + "\n")


def _say_step(step: Step, *, is_first: bool) -> None:
    if is_first:
        titles = ("offered/s", "answered/s", "p50 ms", "p99 ms", "shed", "failed", "generator")
        sys.stdout.write(" ".join(f"{title:>10}" for title in titles) + "\n")
    numbers = (f"{step.offered:,.0f}", f"{step.answered:,.0f}")
    latencies = (f"{step.p50_ms:.2f}", f"{step.p99_ms:.2f}")
    shares = (f"{s:.1%}" for s in (step.shed_share, step.failed_share, step.generator_share))
    sys.stdout.write(" ".join(f"{cell:>10}" for cell in (*numbers, *latencies, *shares)) + "\n")
    sys.stdout.flush()
