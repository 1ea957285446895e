from __future__ import annotations

import os
import time

from tiffin.intake.handled_alerts import HandledAlerts


def test_remembers_across_processes(tmp_path):
    HandledAlerts(tmp_path).remember("alert-1")
    HandledAlerts(tmp_path).remember("alert-1")
    assert "alert-1" in HandledAlerts(tmp_path)
    assert "alert-2" not in HandledAlerts(tmp_path)


def test_forgets_what_is_older_than_a_month(tmp_path):
    handled = HandledAlerts(tmp_path)
    handled.remember("old")
    handled.remember("new")
    long_ago = time.time() - 31 * 86_400
    os.utime(tmp_path / "old", (long_ago, long_ago))
    handled.forget_old()
    assert "old" not in handled
    assert "new" in handled
