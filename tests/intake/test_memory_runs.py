from __future__ import annotations

from uuid import uuid4

import pytest

from tests.contracts.runs import RunsContract
from tiffin.intake.memory_runs import MemoryRuns
from tiffin.intake.runs import ROLLBACK_DAG, is_under_way


class TestMemoryRuns(RunsContract):
    @pytest.fixture
    def runs(self):
        return MemoryRuns()

    @pytest.fixture
    def fresh_id(self):
        return lambda: uuid4().hex


def test_a_run_that_ended_is_not_under_way():
    runs = MemoryRuns()
    runs.trigger(ROLLBACK_DAG, "one", {})
    runs.end(ROLLBACK_DAG, "one", "failed")
    assert not is_under_way(runs.run_state(ROLLBACK_DAG, "one"))
