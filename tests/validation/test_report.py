from __future__ import annotations

import re

from tiffin.services.spec import MetricGate
from tiffin.validation.check import ValidationReport, failed, passed
from tiffin.validation.metrics import check_metrics, read_gate
from tiffin.validation.report import bars, render_report

HOSTILE = "<script>alert('x')</script>"


def report(**values: float) -> ValidationReport:
    gates = [MetricGate(name=name, floor=0.8, slack=0.1) for name in ("auc", HOSTILE)]
    readings = tuple(read_gate(gate, values, {"auc": 0.95}) for gate in gates)
    checks = (passed("safety", HOSTILE), failed("data", "bad", (HOSTILE, "more")))
    return ValidationReport("s", HOSTILE, "7", (*checks, check_metrics(readings)), readings)


def test_says_first_whether_it_passed_and_why_not():
    page = render_report(report(auc=0.9))
    assert page.index("Failed.") < page.index("<h2>Checks")
    assert "may not be deployed" in page
    good = ValidationReport("s", "m", "7", (passed("safety", "fine"),))
    assert "Passed." in render_report(good)


def test_what_comes_from_outside_is_shown_and_never_run():
    page = render_report(report(auc=0.9))
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_the_page_needs_nothing_but_itself():
    assert not re.search(r"(src|href)\s*=|url\(|@import|http", render_report(report(auc=0.9)))


def test_draws_what_it_knows_of_a_metric():
    readings = report(auc=0.9).metrics
    at = bars(readings[0])
    assert 0 < at["limit"] < at["value"] < at["champion"] <= 320
    assert "value" not in bars(readings[1])
    assert "value" not in bars(report(auc=float("nan")).metrics[0])
    assert "value" not in bars(report(auc=float("inf")).metrics[0])
