from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from serving.conversion.parity import Parity
from serving.conversion.report import Report, rounded_up


@pytest.mark.parametrize(
    ("difference", "rounded"),
    [
        (0.0, 1e-12),
        (3e-16, 1e-12),
        (2e-7, 1e-6),
        (1e-6, 1e-6),
        (0.5, 1.0),
        (30.0, 100.0),
        (math.inf, None),
        (math.nan, None),
    ],
)
def test_differences_are_rounded_up_so_that_machines_agree(
    difference: float, rounded: float | None
) -> None:
    assert rounded_up(difference) == rounded


def test_is_written_as_json_without_infinities(tmp_path: Path) -> None:
    parities = {"evaluation rows": Parity(10, 9, 1, math.inf)}
    file = tmp_path / "report.json"
    Report.of("native", "it disagrees", 1e-5, parities).write(file)
    written = json.loads(file.read_text())
    assert written["compared"] == {
        "evaluation rows": {
            "rows": 10,
            "answered": 9,
            "disagreeing": 1,
            "worst_difference": None,
        }
    }
    assert {"onnxruntime", "scikit-learn", "numpy"} <= written["versions"].keys()
