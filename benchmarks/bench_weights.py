"""How long a weight change takes to reach callers, and what it costs them.

    python -m benchmarks.bench_weights                       one service
    python -m benchmarks.bench_weights --services 100        beside 99 others

Each of the two Envoys takes one inotify instance per Service: for more than about 60, raise the
system's fs.inotify.max_user_instances first.

Real Envoys, two tiny upstreams, all traffic flipped from one Revision to the other and back, while
one caller asks as fast as it can (it sees the effect) and a steady load runs (it counts losses).
"""

from __future__ import annotations

import argparse
import http.client
import json
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.machine import machine
from tests.traffic.rig import Gateway, free_port, go_live, split_of, steady_load
from tiffin.traffic.envoy_router import EnvoyRouter
from tiffin.traffic.fencing import StoredRoute
from tiffin.traffic.route_store import RouteStore
from tiffin.traffic.split import WHOLE, Split


class Caller(threading.Thread):
    """Asks one after the other and keeps when it last saw each Revision."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=15)
        self.last_seen: dict[str, float] = {}
        self.asked = self.failed = 0
        self.is_done = False

    def run(self) -> None:
        """Ask until `is_done`."""
        while not self.is_done:
            self._connection.request("POST", "/predict", body=b"{}")
            answer = self._connection.getresponse()
            answer.read()
            self.asked += 1
            self.failed += answer.status != 200
            self.last_seen[answer.headers["x-tiffin-revision"]] = time.perf_counter()


def flips(router: EnvoyRouter, split: Split, caller: Caller, times: int) -> dict[str, Any]:
    """Flip all traffic back and forth; return the milliseconds of writes and of effects."""
    writes, effects = [], []
    for turn in range(times):
        to, from_ = ("v2", "v1") if turn % 2 == 0 else ("v1", "v2")
        backends = tuple(replace(b, weight=WHOLE * (b.revision == to)) for b in split.backends)
        begin = time.perf_counter()
        router.write(replace(split, backends=backends), release="r1")
        writes.append((time.perf_counter() - begin) * 1000)
        _wait_for(lambda to=to, begin=begin: caller.last_seen.get(to, 0) > begin)
        time.sleep(0.02)  # so that a late answer of the old Revision would be seen
        effects.append(max(0.0, (caller.last_seen.get(from_, begin) - begin) * 1000))
    return {"write_ms": _percentiles(writes), "last_old_answer_ms": _percentiles(effects)}


def promotions(router: EnvoyRouter, split: Split, times: int) -> dict[str, Any]:
    """Promote and roll back after promotion: the fallback changes, so clusters do too."""
    took = []
    for turn in range(times):
        begin = time.perf_counter()
        router.write(split.promoted("v2" if turn % 2 == 0 else "v1"), release="r1")
        took.append((time.perf_counter() - begin) * 1000)
    return {"promote_or_roll_back_ms": _percentiles(took)}


def measure(folder: Path, services: int, times: int) -> dict[str, Any]:
    """Measure on a fresh gateway in a folder."""
    gateway = Gateway(folder)
    port = free_port()
    try:
        stable, candidate = gateway.upstream("v1"), gateway.upstream("v2")
        split = split_of((stable, WHOLE), (candidate, 0), port=port)
        _store_neighbours(folder, split, services - 1)
        gateway.start(timeout_s=300)
        router = gateway.router()
        go_live(router, split)
        with steady_load(gateway, port, rate=100) as load:
            caller = Caller(port)
            caller.start()
            found = flips(router, split, caller, times) | promotions(router, split, times // 10)
            caller.is_done = True
            caller.join()
    finally:
        gateway.close()
    sent = load.summary["requests_sent"] + caller.asked
    lost = load.summary["requests_failed"] + caller.failed
    return {"services": services, **found, "requests_sent": sent, "requests_lost": lost}


def _store_neighbours(folder: Path, like: Split, number: int) -> None:
    store = RouteStore(folder)
    for index in range(number):
        name = f"neighbour-{index}"
        split = replace(like, service=name, port=30_000 + index)
        store.save(name, StoredRoute("r1", 1, split))


def _wait_for(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not is_so() and time.monotonic() < deadline:
        time.sleep(0.0005)


def _percentiles(values: list[float]) -> dict[str, float]:
    ordered = sorted(values)
    p99 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
    return {"p50": round(statistics.median(ordered), 2), "p99": round(p99, 2)}


def main() -> None:
    """Print one JSON document."""
    parser = argparse.ArgumentParser(description="Weight change to effect.")
    parser.add_argument("--services", type=int, default=1)
    parser.add_argument("--times", type=int, default=300)
    options = parser.parse_args()
    about = machine()
    with tempfile.TemporaryDirectory() as folder:
        found = measure(Path(folder), options.services, options.times)
    sys.stdout.write(json.dumps(found | {"machine": about}, indent=1) + "\n")


if __name__ == "__main__":
    main()
