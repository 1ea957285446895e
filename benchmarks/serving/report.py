"""What was found, as tables for people and as one JSON document."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from benchmarks.serving.contenders import CONTENDERS
from benchmarks.serving.measuring import Cell, Found, Standing

OURS = "tiffin"
USUAL = {c.name: next(iter(c.wires), "call") for c in CONTENDERS}
"""The protocol of each contender that needs no mention."""
_GENERATOR_BOUND = 0.9
_FIGURES = ("rate", "p50_ms", "p99_ms", "cpu_us", "generator_share", "others_share")
_HEAD = (
    f"{'':<26}{'requests/s':>11}{'p50 ms':>9}{'p99 ms':>9}{'CPU us':>9}"
    f"{'x rate':>8}{'x CPU':>7}{'generator':>11}{'others':>8}"
)


def tables(found: Found) -> Iterator[str]:
    """Yield one table for each model, rows and connections; the fastest come first."""
    shapes = dict.fromkeys((cell.model, cell.rows, cell.concurrency) for cell in found.cells)
    for shape in shapes:
        cells = [c for c in found.cells if (c.model, c.rows, c.concurrency) == shape]
        model, rows, concurrency = shape
        yield f"\n{model}, {rows} row{'s' * (rows > 1)} a request, {concurrency} connections"
        yield _HEAD
        yield from _lines(cells)
    for model in dict.fromkeys(standing.model for standing in found.standings):
        yield f"\n{model}{'':<{26 - len(model)}}{'cold start s':>14}{'memory MB':>12}"
        yield from (_standing(s) for s in found.standings if s.model == model)


def _lines(cells: Sequence[Cell]) -> Iterator[str]:
    valid = [cell for cell in cells if not cell.invalid]
    usual = (cell for cell in valid if cell.contender == OURS and cell.protocol == USUAL[OURS])
    ours = next(usual, None)
    for cell in sorted(valid, key=lambda cell: -cell.median("rate")):
        yield _line(cell, ours)
    for cell in cells:
        if cell.invalid:
            yield f"{title(cell):<26} invalid: {cell.invalid[:200]}"


def title(cell: Cell) -> str:
    """Name a cell's contender, and its protocol where it has several."""
    usual = USUAL[cell.contender]
    return cell.contender if cell.protocol == usual else f"{cell.contender} {cell.protocol}"


def _line(cell: Cell, ours: Cell | None) -> str:
    rate, p50, p99, cpu, share, others = (cell.median(figure) for figure in _FIGURES)
    ratios = f"{'':>15}"
    if ours is not None:
        ratios = f"{rate / ours.median('rate'):>8.2f}{cpu / ours.median('cpu_us'):>7.1f}"
    limit = " !" if share > _GENERATOR_BOUND else "  "
    return (
        f"{title(cell):<26}{rate:>11,.0f}{p50:>9.2f}{p99:>9.2f}{cpu:>9,.0f}"
        f"{ratios}{share:>9.0%}{limit}{others:>8.0%}"
    )


def _standing(standing: Standing) -> str:
    if standing.invalid:
        return f"{standing.contender:<26} invalid: {standing.invalid[:200]}"
    return f"{standing.contender:<26}{standing.cold_start_s:>14.1f}{standing.memory_mb:>12.0f}"


LEGEND = """\
Medians of the rounds. CPU us: CPU microseconds of the server's whole process tree for one request.
x rate, x CPU: beside tiffin over /predict. generator: the share of its core that the load generator
needed; with ! it was the limit. others: the share of the server's core that the rest of the machine
took, which should be next to nothing. Memory: the tree's proportional share, after the load.
Cold start: from the command to the first right answer."""


def document(found: Found, about: dict[str, Any]) -> dict[str, Any]:
    """Return all cells with their rounds, and the machine."""
    cells = [
        asdict(cell) | {"median": _medians(cell) if cell.loads and not cell.invalid else None}
        for cell in found.cells
    ]
    return {"machine": about, "cells": cells, "servers": [asdict(s) for s in found.standings]}


def _medians(cell: Cell) -> dict[str, float]:
    return {figure: round(cell.median(figure), 3) for figure in _FIGURES}
