"""The in-memory platform of the release tests, and routes around it."""

from __future__ import annotations

import pytest

from tests.release.conftest import platform, ready_to_ramp, service
from tiffin.intake.handled_alerts import HandledAlerts
from tiffin.intake.memory_runs import MemoryRuns
from tiffin_airflow.webhooks.gate import Intake

__all__ = ["platform", "ready_to_ramp", "service"]


@pytest.fixture
def intake(platform, tmp_path) -> Intake:
    (tmp_path / "alerts").mkdir()
    handled = HandledAlerts(tmp_path / "alerts")
    return Intake(platform, MemoryRuns(), handled, "mlflow-secret", "alert-token")
