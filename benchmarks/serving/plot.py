"""Draws the requests per second of all contenders as one SVG, where matplotlib is installed."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.serving.contenders import CONTENDERS, Role
from benchmarks.serving.measuring import Cell, Found
from benchmarks.serving.report import title

_COLOURS = {Role.TIFFIN: "#c2410c", Role.PEER: "#64748b", Role.LIMIT: "#cbd5e1"}
_ROLES = {contender.name: contender.role for contender in CONTENDERS}


def draw(found: Found, file: Path) -> None:
    """Draw one panel for each model, rows and connections; say so where that can't be done."""
    try:
        import matplotlib as mpl
    except ImportError:
        print("no plot: matplotlib is not installed", file=sys.stderr)
        return
    mpl.use("svg")
    from matplotlib import pyplot

    cells = [cell for cell in found.cells if not cell.invalid]
    shapes = list(dict.fromkeys((c.model, c.rows, c.concurrency) for c in cells))
    if not shapes:
        return
    most = max(sum(_shape(c) == shape for c in cells) for shape in shapes)
    size = (8, len(shapes) * (0.8 + 0.22 * most))
    figure, panels = pyplot.subplots(len(shapes), squeeze=False, figsize=size)
    for panel, shape in zip(panels[:, 0], shapes, strict=True):
        _draw_panel(panel, shape, [cell for cell in cells if _shape(cell) == shape])
    figure.tight_layout()
    figure.savefig(file, metadata={"Date": None})


def _shape(cell: Cell) -> tuple[str, int, int]:
    return cell.model, cell.rows, cell.concurrency


def _draw_panel(panel: object, shape: tuple[str, int, int], cells: list[Cell]) -> None:
    model, rows, concurrency = shape
    ranked = sorted(cells, key=lambda cell: cell.median("rate"))
    rates = [cell.median("rate") for cell in ranked]
    colours = [_COLOURS[_ROLES[cell.contender]] for cell in ranked]
    bars = panel.barh([title(cell) for cell in ranked], rates, color=colours)
    panel.bar_label(bars, [f"{rate:,.0f}" for rate in rates], padding=3, fontsize=7)
    panel.set_xscale("log")
    panel.set_xlim(left=1)
    panel.set_xlabel("requests per second, logarithmic", fontsize=8)
    panel.set_title(f"{model}, {rows} rows, {concurrency} connections", fontsize=10)
    panel.tick_params(labelsize=8)
    panel.spines[["top", "right"]].set_visible(False)
