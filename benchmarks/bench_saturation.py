"""What a model server still answers when more is asked than it can answer.

    python -m benchmarks.bench_saturation                       about eight minutes
    python -m benchmarks.bench_saturation --rows 1 --rounds 1   one

Tiffin, with the compiled and with the native model, beside bare Starlette with ONNX Runtime: all
pinned to one core and stopped by a signal while another is measured; the generator has another.
First a closed loop finds the most that is answered; then requests arrive at 1, 1.5 and 2 times
that rate, at random times and over many kept connections, whatever the answers. An answer is good
when it is right and takes less than a second. Then a greedy client shares the server with a
modest one, and at last an overload ends and it is seen how long its traces last.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.environments import BENCH
from benchmarks.machine import machine
from benchmarks.saturation.lane import Lane
from benchmarks.saturation.report import TIMES, tables
from benchmarks.serving.contenders import CONTENDERS
from benchmarks.serving.models import batches, ensure_models, folder_of
from benchmarks.serving.servers import Cores, Server, running

_SERVERS = ("tiffin", "tiffin-sklearn", "starlette-onnx")
_CORES = Cores.of_this_machine()


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; tables go to stdout, progress to stderr."""
    asked = _parser().parse_args(arguments)
    os.sched_setaffinity(0, _CORES.generator)
    about = machine()
    ensure_models([asked.model])
    found: list[Any] = []
    with tempfile.TemporaryDirectory(prefix="tiffin-saturation-") as scratch, ExitStack() as stack:
        servers = [_started(name, asked.model, Path(scratch), stack) for name in asked.servers]
        for rows in asked.rows:
            lanes = [Lane(server, rows, asked.connections) for server in servers]
            for number in range(asked.rounds):
                for lane in lanes:
                    _say(f"{rows} rows, round {number + 1}: {lane.name}")
                    with lane.awake():
                        found += _round(lane, asked.seconds)
    _tell(found, about, asked.out)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--model", default="forest")
    parser.add_argument("--servers", nargs="+", choices=_SERVERS, default=_SERVERS)
    parser.add_argument("--rows", type=int, nargs="+", default=[1, 100], help="in a request")
    parser.add_argument("--connections", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=4.0, help="of a load")
    parser.add_argument("--out", type=Path, default=BENCH / "saturation", help="JSON")
    return parser


def _started(name: str, model: str, scratch: Path, stack: ExitStack) -> Server:
    contender = next(c for c in CONTENDERS if c.name == name)
    _say(f"starting {name}")
    first = batches(folder_of(model), 1)[0]
    server = stack.enter_context(
        running(contender, folder_of(model), scratch / name, _CORES, first)
    )
    server.freeze()
    return server


def _round(lane: Lane, seconds: float) -> Iterator[Any]:
    lane.peak(1)
    closed = lane.peak(seconds)
    yield closed
    for times in TIMES:
        yield lane.at(times, closed.good, seconds)
    yield lane.shared(closed.good, seconds)
    yield lane.recovered(closed.good, seconds)


def _tell(found: Sequence[Any], about: dict[str, Any], out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    told = [{"kind": type(each).__name__, **asdict(each)} for each in found]
    (out / "saturation.json").write_text(json.dumps({"about": about, "found": told}, indent=1))
    print(", ".join(f"{name} {value}" for name, value in about.items()))
    for line in tables(found):
        print(line)
    print(f"\n{out / 'saturation.json'}")


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
