"""Soaks a model server with the credit-risk example at 60 % of what it can answer.

    make test-soak                        ten minutes
    make test-soak ARGS=--minutes=60      an hour

`serving.loadtest.soak` does the work, also for a server of yours.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import uvloop

from benchmarks.environments import BENCH
from benchmarks.example_server import example_server
from serving.loadtest.open_loop import ClosedLoop, Outcome
from serving.loadtest.soak import Plan, run, subject_at
from serving.loadtest.soak_requests import Subject, http_asks

_TRY_S = 5.0
_CONNECTIONS = 32


def main(arguments: Sequence[str] | None = None) -> int:
    """Find the rate, and soak; 1 when something wasn't steady."""
    asked = _parser().parse_args(arguments)
    with example_server() as example:
        subject = subject_at(example.url, example.bodies, example.headers)
        rate = asked.rate or asked.share * _most(subject)
        print(f"{rate:,.0f} requests/s for {asked.minutes:g} minutes", flush=True)
        plan = Plan(60 * asked.minutes, rate, _CONNECTIONS)
        return run(subject, example.server.pid, plan, asked.out)


def _most(subject: Subject) -> float:
    """Return how many requests a second are answered at most, over all protocols."""
    outcome = Outcome()
    load = ClosedLoop(subject.port, http_asks(subject), outcome.note)
    uvloop.run(load.run(_TRY_S, _CONNECTIONS))
    return len(outcome.seconds) / _TRY_S


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make test-soak", description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--share", type=float, default=0.6, help="of the most that is answered")
    parser.add_argument("--rate", type=float, help="requests per second, instead of a share")
    parser.add_argument("--out", type=Path, default=BENCH / "soak", help="JSON and SVG")
    return parser


if __name__ == "__main__":
    sys.exit(main())
