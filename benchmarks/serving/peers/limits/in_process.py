"""The limit for any server: the call itself, from rows in memory to a matrix, nothing sent.

Prints one JSON document in the words of `load.Load`.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import sys
import time
from itertools import cycle
from pathlib import Path

from benchmarks.serving.peers.job import Job
from benchmarks.serving.peers.model import load


def main() -> None:
    """Call until the time is over."""
    parser = argparse.ArgumentParser()
    parser.add_argument("bodies", type=Path, nargs="+", help="JSON files with `instances`")
    parser.add_argument("--seconds", type=float, required=True)
    asked = parser.parse_args()
    batches = [json.loads(file.read_bytes())["instances"] for file in asked.bodies]
    answer = load(Job.read())
    for rows in batches:
        answer(rows)
    sys.stdout.write(json.dumps(_timed(answer, batches, asked.seconds)))


def _timed(answer: object, batches: list[object], seconds: float) -> dict[str, float]:
    took, cpu, began = [], _cpu_s(), time.perf_counter()
    for rows in cycle(batches):
        start = time.perf_counter()
        if start - began > seconds:
            break
        answer(rows)
        took.append((time.perf_counter() - start) * 1000)
    took.sort()
    return {
        "requests": len(took),
        "seconds": time.perf_counter() - began,
        "p50_ms": statistics.median(took),
        "p99_ms": took[int(len(took) * 0.99)],
        "failed": 0,
        "server_cpu_s": _cpu_s() - cpu,
    }


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
