"""Runs a heat: all its servers are up, all but one are frozen, and rounds alternate."""

from __future__ import annotations

import contextlib
import statistics
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.serving.contenders import Contender
from benchmarks.serving.heats import Heat
from benchmarks.serving.lanes import InProcessLane, Lane, Load, LoadError, ServerLane
from benchmarks.serving.models import batches, folder_of
from benchmarks.serving.servers import AnswerError, Cores, Server, running

_WARM_UP_S = 1


@dataclass(slots=True)
class Cell:
    """One contender, asked one way; invalid where anything went wrong."""

    contender: str
    protocol: str
    model: str
    rows: int
    concurrency: int
    loads: list[Load] = field(default_factory=list)
    invalid: str = ""

    def median(self, figure: str) -> float:
        """Return the median of a figure over the rounds."""
        return statistics.median(getattr(load, figure) for load in self.loads)


@dataclass(slots=True)
class Standing:
    """What a server takes before and beside its requests; invalid where it did not start."""

    contender: str
    model: str
    cold_start_s: float = 0.0
    memory_mb: float = 0.0
    invalid: str = ""


@dataclass(slots=True)
class Found:
    """All that was measured."""

    cells: list[Cell] = field(default_factory=list)
    standings: list[Standing] = field(default_factory=list)


def run_heat(heat: Heat, scratch: Path, found: Found) -> None:
    """Measure all of a heat; every server that was started is gone afterwards."""
    for name in heat.models:
        model, place = folder_of(name), scratch / name
        with contextlib.ExitStack() as stack:
            up = [
                server
                for contender in heat.chosen()
                for server in _started(contender, model, place, found, stack)
            ]
            for rows in heat.rows:
                _race(heat, list(_lanes(heat, up, model, rows, place)), name, rows, found)
            _weigh(up, name, found)


def _started(
    contender: Contender, model: Path, scratch: Path, found: Found, stack: contextlib.ExitStack
) -> Iterator[Server]:
    """Start a contender and freeze it; one that won't start or answers wrong is noted instead."""
    if not contender.wires:
        return
    _say(f"{model.name}: starting {contender.name}")
    standing = Standing(contender.name, model.name)
    found.standings.append(standing)
    started = running(
        contender, model, scratch / contender.name, Cores.of_this_machine(), batches(model, 1)[0]
    )
    try:
        server = stack.enter_context(started)
    except (TimeoutError, AnswerError) as failure:
        standing.invalid = str(failure)
        _say(standing.invalid)
        return
    standing.cold_start_s = server.cold_start_s
    server.freeze()
    yield server


def _lanes(
    heat: Heat, up: Sequence[Server], model: Path, rows: int, scratch: Path
) -> Iterator[Lane]:
    """Return all that is to be loaded: servers over their protocols, and the calls in process."""
    asked, place = batches(model, rows), scratch / f"{rows}-rows"
    for server in up:
        for wire in heat.wires(server.contender):
            yield ServerLane(server, wire, asked, place / server.contender.name)
    for contender in heat.chosen():
        if not contender.wires:
            yield InProcessLane(contender, model, asked, place / contender.name)


def _race(heat: Heat, lanes: Sequence[Lane], model: str, rows: int, found: Found) -> None:
    """Verify each lane, then let them take turns; a lane that fails is out."""
    wrong = {id(lane): _verified(lane) for lane in lanes}
    for concurrency in heat.concurrency(rows):
        pairs = [
            (lane, _cell(lane, model, rows, concurrency, wrong[id(lane)]))
            for lane in lanes
            if concurrency <= lane.most_connections
        ]
        found.cells += [cell for _, cell in pairs]
        for turn in range(heat.rounds):
            _say(f"{model}, {rows} rows, {concurrency} connections: round {turn + 1}")
            for lane, cell in pairs:
                if not cell.invalid:
                    _fire(lane, cell, heat.seconds, warm_up=turn == 0)


def _cell(lane: Lane, model: str, rows: int, concurrency: int, invalid: str) -> Cell:
    name, protocol = lane.contender.name, lane.protocol
    return Cell(name, protocol, model, rows, concurrency, invalid=invalid)


def _verified(lane: Lane) -> str:
    with lane.awake():
        try:
            lane.verify()
        except (AnswerError, OSError) as failure:
            _say(f"{lane.contender.name} over {lane.protocol}: {failure}")
            return str(failure)
    return ""


def _fire(lane: Lane, cell: Cell, seconds: int, *, warm_up: bool) -> None:
    with lane.awake():
        try:
            if warm_up:
                lane.fire(cell.concurrency, _WARM_UP_S)
            load = lane.fire(cell.concurrency, seconds)
        except LoadError as failure:
            cell.invalid = str(failure)
            return
    cell.loads.append(load)
    if load.failed or not load.requests:
        cell.invalid = f"{load.failed} of {load.requests} requests failed"


def _weigh(up: Sequence[Server], model: str, found: Found) -> None:
    """Note the memory after the load, when all that is allocated on the way is there."""
    for server in up:
        for standing in found.standings:
            if (standing.contender, standing.model) == (server.contender.name, model):
                standing.memory_mb = server.memory_mb()


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)
