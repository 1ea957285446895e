"""The validation report that a person reads: one HTML page that needs nothing but itself."""

from __future__ import annotations

from pathlib import Path

from tiffin.validation.check import MetricReading, ValidationReport

_WIDTH = 320
_TEMPLATE = Path(__file__).with_name("report.html.jinja")


def render_report(report: ValidationReport) -> str:
    """Return the report as an HTML page; all that came from outside is escaped. Pure."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = environment.from_string(_TEMPLATE.read_text(encoding="utf-8"))
    rows = [(reading, bars(reading)) for reading in report.metrics]
    return template.render(report=report, rows=rows, width=_WIDTH)


def bars(reading: MetricReading) -> dict[str, float]:
    """Return where a metric's value, limit and champion lie on a bar, in pixels. Pure."""
    marks = {"value": reading.value, "limit": reading.limit, "champion": reading.champion}
    known = {name: mark for name, mark in marks.items() if mark is not None and mark == mark}
    finite = {name: mark for name, mark in known.items() if abs(mark) < float("inf")}
    low, high = min([0.0, *finite.values()]), max([0.0, *finite.values()])
    reach = (high - low) or 1.0
    return {name: round((mark - low) / reach * (_WIDTH - 4), 1) for name, mark in finite.items()}
