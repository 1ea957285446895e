"""How fast a rollback is, by the fast lane and by the DAG alone; what else a release costs.

    python -m benchmarks.bench_release                  on a stack of its own
    python -m benchmarks.bench_release --home .tiffin   on one that is up

Real models, real load. In each round both lanes bring the same bad revision's traffic back, one
after the other, and the callers say when it answered last. Between rounds the router makes the
bad revision live again, which costs no deploy. Prints one JSON document.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from benchmarks.bench_weights import measure as measure_weights
from benchmarks.machine import machine
from tests.conftest import EmbeddedStack, embedded_stack, free_offset
from tests.e2e.delivery import SERVICE, Delivery, prepare
from tests.e2e.patient_load import LoadReport
from tiffin.home import TiffinHome
from tiffin.intake.runs import DEPLOY_DAG, ROLLBACK_DAG, is_under_way
from tiffin.registry.model_version import BAD_TAG
from tiffin.release.steps.starting import wait_until_ready
from tiffin.targets.target import Revision
from tiffin.traffic.split import Backend

RATE = 20
_IN_PLACE_S = 1.0
"""How long the bad revision has the traffic before it is found out."""

Lane = Callable[[Delivery, Revision, str], str]


@dataclass(frozen=True, slots=True)
class Rollback:
    """One rollback: its lane, when it was asked for, answered, and over (Unix seconds)."""

    lane: str
    asked: float
    answered: float
    over: float

    def last_bad_answer_s(self, bad: str, report: LoadReport) -> float:
        """Return how long after the asking the bad revision still answered; 0 if it did not."""
        times = (at for at, revision in report.answers if revision == bad)
        return max((at - self.asked for at in times if self.asked < at < self.over), default=0.0)


def by_alert(delivery: Delivery, bad: Revision, name: str) -> str:
    """Take the fast lane: the alert's own request moves the traffic."""
    answer = delivery.alert()
    answer.raise_for_status()
    return str(answer.json()["alerts"][0]["rollback"])


def by_dag(delivery: Delivery, bad: Revision, name: str) -> str:
    """Do without the fast lane: trigger `rollback_model` and let it do all."""
    conf = {"service": SERVICE, "revision": bad.name, "reason": "measured"}
    delivery.airflow.trigger(ROLLBACK_DAG, name, conf)
    return name


LANES: dict[str, Lane] = {"fast lane": by_alert, "DAG alone": by_dag}


def roll_back(delivery: Delivery, bad: Revision, lane: str, name: str) -> Rollback:
    """Make the bad revision live, then roll it back by a lane and wait until all is done."""
    make_live(delivery, bad, f"{name}-again")
    time.sleep(_IN_PLACE_S)
    asked = time.time()
    run = LANES[lane](delivery, bad, name)
    answered = time.time()
    delivery.wait_until(
        lambda: not is_under_way(delivery.airflow.run_state(ROLLBACK_DAG, run)), f"{run} is over"
    )
    assert delivery.route.split.fallback != bad.name
    return Rollback(lane, asked, answered, time.time())


def make_live(delivery: Delivery, bad: Revision, holder: str) -> None:
    """Promote a revision by the router alone, as the holder of the service; twice is once."""
    platform, good = delivery.platform, delivery.route.split.fallback
    if good == bad.name:
        return
    platform.target.ensure_started(bad)
    endpoint = wait_until_ready(platform, bad)
    platform.router.take_over(SERVICE, holder, generation=delivery.route.generation)
    split = delivery.route.split.shifted(Backend(bad.name, endpoint, 0))
    platform.router.write(split, release=holder)
    platform.router.write(split.promoted(bad.name), release=holder, previous=good)


def deploy_steps(delivery: Delivery, release: str) -> dict[str, Any]:
    """Return the seconds of each task of a deploy, and of the pauses between them."""
    path = f"/api/v2/dags/{DEPLOY_DAG}/dagRuns/{release}/taskInstances"
    found = delivery.airflow_get(path)["task_instances"]
    ran = sorted((t for t in found if t["duration"]), key=lambda task: str(task["start_date"]))
    pauses = (
        (_moment(after["start_date"]) - _moment(before["end_date"])).total_seconds()
        for before, after in pairwise(ran)
    )
    steps = {task["task_id"]: round(task["duration"], 1) for task in ran}
    return {"steps": steps, "between_steps": round(sum(max(pause, 0) for pause in pauses), 1)}


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def deployed(delivery: Delivery) -> tuple[Revision, dict[str, Any]]:
    """Deploy v2 beside v1 as the service file says; return its revision and what it took."""
    delivery.ensure_live(delivery.versions["v1"])
    version = delivery.versions["v2"]
    delivery.platform.registry.delete_tag(SERVICE, version, BAD_TAG)
    with delivery.load(rate=RATE) as report:
        code, ended, said = delivery.deploy(version)
    assert code == 0, said
    revision = delivery.platform.records.revision(SERVICE, ended["candidate"])
    assert revision is not None
    took = {"seconds": round(ended["seconds"], 1), **deploy_steps(delivery, ended["id"])}
    return revision, took | {"requests_sent": report.sent, "requests_lost": len(report.failures)}


def rollbacks(delivery: Delivery, bad: Revision, rounds: int) -> dict[str, Any]:
    """Alternate the lanes under load; return seconds from the asking to the last bad answer.

    The reconcile pauses meanwhile: it would retire a revision that is being made live again.
    """
    done: list[Rollback] = []
    stamp = int(time.time())
    with delivery.paused("reconcile_registry"), delivery.load(rate=RATE) as report:
        for number in range(rounds):
            for lane in LANES:
                name = f"bench-{stamp}-{number}-{lane.partition(' ')[0]}"
                done.append(roll_back(delivery, bad, lane, name))
                took = done[-1].over - done[-1].asked
                print(f"{number + 1}/{rounds} {lane}: all done in {took:.1f} s", file=sys.stderr)
    found = {lane: _lane_told([r for r in done if r.lane == lane], bad, report) for lane in LANES}
    fast, dag = (found[lane]["last_bad_answer_s"]["p50"] for lane in LANES)
    return {
        **found,
        "dag_over_fast_lane": round(dag / fast, 1) if fast else None,
        "requests_sent": report.sent,
        "requests_lost": len(report.failures),
        "failures": report.failures[:10],
    }


def _lane_told(done: list[Rollback], bad: Revision, report: LoadReport) -> dict[str, Any]:
    return {
        "rounds": len(done),
        "last_bad_answer_s": percentiles([r.last_bad_answer_s(bad.name, report) for r in done]),
        "request_answered_s": percentiles([r.answered - r.asked for r in done]),
        "record_complete_s": percentiles([r.over - r.asked for r in done]),
    }


def percentiles(values: list[float]) -> dict[str, float]:
    """Return the median, the 99th percentile (of few values, the largest) and the largest."""
    ordered = sorted(values)
    p99 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
    found = {"p50": statistics.median(ordered), "p99": p99, "max": ordered[-1]}
    return {name: round(value, 3) for name, value in found.items()}


@contextmanager
def a_stack(home: Path | None) -> Iterator[EmbeddedStack]:
    """Use the stack in a home, or start one of our own and stop it afterwards."""
    if home is not None:
        found = TiffinHome(home.resolve())
        yield EmbeddedStack(found, {**os.environ, "TIFFIN_HOME": str(found.path)})
        return
    with tempfile.TemporaryDirectory() as folder:
        stack = embedded_stack(Path(folder) / "home", free_offset())
        try:
            started = stack.tiffin("up")
            assert started.returncode == 0, started.stderr
            yield stack
        finally:
            stack.tiffin("down")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--weight-changes", type=int, default=200)
    parser.add_argument("--home", type=Path, help="a stack that is up")
    options = parser.parse_args()
    about = machine()
    with tempfile.TemporaryDirectory() as folder:
        weights = measure_weights(Path(folder), 1, options.weight_changes)
    with a_stack(options.home) as stack:
        delivery = prepare(stack, "v1", "v2")
        bad, deploy = deployed(delivery)
        found = rollbacks(delivery, bad, options.rounds)
    told = {"rollback": found, "deploy": deploy, "weight_change": weights, "machine": about}
    sys.stdout.write(json.dumps(told, indent=1) + "\n")


if __name__ == "__main__":
    main()
