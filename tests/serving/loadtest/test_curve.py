from __future__ import annotations

import json

from serving.loadtest import curve
from serving.loadtest.stairs import Limits, Step, document


def test_draws_what_a_search_found(tmp_path):
    steps = [Step(rate, rate, 0, 0, 1.0, rate / 10, 0.1, 5) for rate in (100, 200, 4000)]
    file, picture = tmp_path / "steps.json", tmp_path / "curve.svg"
    file.write_text(json.dumps(document("http://here", steps, Limits())))
    assert curve.main([str(file), "--out", str(picture)]) == 0
    assert picture.read_text().startswith("<?xml")
