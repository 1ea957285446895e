"""How fast Tiffin's model servers are, beside those of others and beside what is possible.

    python -m benchmarks.bench_serving                              about twenty minutes
    python -m benchmarks.bench_serving --quick                      about four
    python -m benchmarks.bench_serving --full                       everything, many hours
    python -m benchmarks.bench_serving --peers tiffin ray-tuned --models forest --rows 1

All servers of a model run at once and are pinned to one core, the load generator to another; all
but the one that is measured are stopped by a signal, and rounds alternate. Each server has to
answer as the estimator does offline before it is timed; a request that fails makes its cell
invalid. Peers live in environments of their own below `.bench`, made at the first run.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.environments import BENCH
from benchmarks.machine import machine
from benchmarks.serving.aims import judged
from benchmarks.serving.environments import ENVIRONMENTS, ensure_environments, versions
from benchmarks.serving.heats import DEFAULT, FULL, QUICK, Heat, Protocols, narrowed
from benchmarks.serving.lanes import LoadError, require_wrk
from benchmarks.serving.measuring import Found, run_heat
from benchmarks.serving.models import MODELS, ensure_models
from benchmarks.serving.plot import draw
from benchmarks.serving.report import LEGEND, document, tables


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; tables go to stdout, progress to stderr."""
    parser = _parser()
    asked = parser.parse_args(arguments)
    try:
        heats = _heats(asked)
        require_wrk()
    except (ValueError, LoadError) as error:
        parser.error(str(error))
    about = _prepared(heats)
    found, began = Found(), time.monotonic()
    try:
        _measure(heats, found)
    except KeyboardInterrupt:
        print("stopped; this is what there is so far", file=sys.stderr)
    _tell(found, about | {"minutes": round((time.monotonic() - began) / 60, 1)}, asked.out)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    sets = parser.add_mutually_exclusive_group()
    sets.add_argument("--quick", action="store_const", dest="heats", const=QUICK)
    sets.add_argument("--full", action="store_const", dest="heats", const=FULL)
    parser.set_defaults(heats=DEFAULT)
    parser.add_argument("--peers", nargs="+", dest="contenders", help="servers, or variants")
    parser.add_argument("--models", nargs="+", choices=MODELS)
    parser.add_argument("--rows", nargs="+", type=int, help="rows in a request")
    parser.add_argument("--concurrency", nargs="+", type=int, help="connections")
    parser.add_argument("--protocols", type=Protocols, choices=[*Protocols])
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--seconds", type=int, help="of a round, whole")
    parser.add_argument("--out", type=Path, default=BENCH / "serving", help="JSON and SVG")
    return parser


def _heats(asked: argparse.Namespace) -> list[Heat]:
    """Return what to measure; ValueError for names that nobody has."""
    heats = narrowed(
        asked.heats,
        rows=asked.rows,
        concurrency=asked.concurrency,
        models=asked.models and tuple(asked.models),
        contenders=asked.contenders and tuple(asked.contenders),
        protocols=asked.protocols,
        rounds=asked.rounds,
        seconds=asked.seconds,
    )
    for heat in heats:
        heat.chosen()
    return heats


def _prepared(heats: Sequence[Heat]) -> dict[str, Any]:
    """Install and train what is missing; return what the numbers are measured on."""
    servers = {contender.server for heat in heats for contender in heat.chosen()}
    peers = [peer for peer in ENVIRONMENTS if peer in servers]
    ensure_environments(peers)
    ensure_models(dict.fromkeys(model for heat in heats for model in heat.models))
    return machine() | {"peers": versions(peers)}


def _measure(heats: Sequence[Heat], found: Found) -> None:
    with tempfile.TemporaryDirectory(prefix="tiffin-bench-") as folder:
        for number, heat in enumerate(heats):
            run_heat(heat, Path(folder) / str(number), found)


def _tell(found: Found, about: dict[str, Any], out: Path) -> None:
    """Print the tables and the aims, and write the JSON document and the picture."""
    out.mkdir(parents=True, exist_ok=True)
    told = json.dumps(document(found, about), indent=1)
    (out / "serving.json").write_text(told + "\n", encoding="utf-8")
    draw(found, out / "serving.svg")
    print(", ".join(f"{name} {value}" for name, value in about.items() if name != "peers"))
    print(", ".join(f"{name} {value}" for name, value in about["peers"].items()))
    print(f"\n{LEGEND}")
    for line in (*tables(found), "", *judged(found)):
        print(line)
    print(f"\n{out / 'serving.json'}, {out / 'serving.svg'}")


if __name__ == "__main__":
    sys.exit(main())
