"""The aims of Tiffin's server, each held against what was measured in this run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from benchmarks.serving.contenders import CONTENDERS, Contender, Role
from benchmarks.serving.measuring import Cell, Found

_BY_NAME = {contender.name: contender for contender in CONTENDERS}


@dataclass(frozen=True, slots=True)
class Aim:
    """Ours must have at least `least` times the figure of each rival, in each shape of both."""

    words: str
    ours: str
    is_rival: Callable[[Contender], bool]
    figure: str
    least: float
    applies: Callable[[Cell], bool] = lambda cell: True


def _is_limit(contender: Contender) -> bool:
    return contender.name == "starlette-onnx"


def _is_stock(contender: Contender) -> bool:
    return contender.role is Role.PEER and not contender.is_tuned


def _is_tuned(contender: Contender) -> bool:
    return contender.role is Role.PEER and contender.is_tuned


def _is_tuned_native(contender: Contender) -> bool:
    return _is_tuned(contender) and contender.engine == "sklearn"


def _is_single_row_forest(cell: Cell) -> bool:
    return cell.model == "forest" and cell.rows == 1


def _has_64_connections(cell: Cell) -> bool:
    return cell.concurrency == 64


AIMS = (
    Aim("90 % of bare Starlette's requests/s", "tiffin", _is_limit, "rate", 0.9),
    Aim("no more than 1.3 x its CPU a request", "tiffin", _is_limit, "speed", 1 / 1.3),
    Aim(
        "20 x every stock peer on single-row forests",
        "tiffin",
        _is_stock,
        "rate",
        20,
        _is_single_row_forest,
    ),
    Aim("never behind a tuned peer", "tiffin", _is_tuned, "rate", 1),
    Aim(
        "native, 64 connections: 5 x every stock peer",
        "tiffin-sklearn",
        _is_stock,
        "rate",
        5,
        _has_64_connections,
    ),
    Aim(
        "native, 64 connections: 5 x every tuned peer",
        "tiffin-sklearn",
        _is_tuned_native,
        "rate",
        5,
        _has_64_connections,
    ),
)


def judged(found: Found) -> Iterator[str]:
    """Yield a line for each aim: the worst ratio that was seen, and where."""
    valid = [cell for cell in found.cells if not cell.invalid]
    for aim in AIMS:
        ratios = sorted(_ratios(aim, valid), key=lambda pair: pair[0])
        if not ratios:
            yield f"{aim.words:<46} not measured in this run"
            continue
        worst, where = ratios[0]
        verdict = "reached" if worst >= aim.least else "MISSED"
        told = f"{worst:.2f} of {aim.least:.2f} at the worst of {len(ratios)} ({where})"
        yield f"{aim.words:<46} {verdict}: {told}"


def _ratios(aim: Aim, cells: Sequence[Cell]) -> Iterator[tuple[float, str]]:
    usual = _BY_NAME[aim.ours].wires[0]
    for ours in cells:
        if ours.contender != aim.ours or ours.protocol != usual or not aim.applies(ours):
            continue
        for rival in cells:
            if aim.is_rival(_BY_NAME[rival.contender]) and _shape(rival) == _shape(ours):
                place = f"{rival.contender}, {ours.model}, {ours.rows} x {ours.concurrency}"
                yield _figure(ours, aim.figure) / _figure(rival, aim.figure), place


def _shape(cell: Cell) -> tuple[str, int, int]:
    return cell.model, cell.rows, cell.concurrency


def _figure(cell: Cell, figure: str) -> float:
    """Return a figure of which more is better; `speed` is requests for a second of CPU."""
    return 1e6 / cell.median("cpu_us") if figure == "speed" else cell.median("rate")
