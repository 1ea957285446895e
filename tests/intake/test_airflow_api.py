from __future__ import annotations

from uuid import uuid4

import pytest

from tests.contracts.runs import DagsContract, RunsContract
from tiffin.errors import UnavailableError
from tiffin.home import TiffinHome
from tiffin.intake.airflow_api import AirflowApi
from tiffin.intake.runs import DEPLOY_DAG, ROLLBACK_DAG


@pytest.mark.stack
@pytest.mark.timeout(400)
class TestAirflowApi(RunsContract, DagsContract):
    @pytest.fixture
    def runs(self, stack):
        return AirflowApi(stack.home)

    @pytest.fixture
    def fresh_id(self):
        return lambda: uuid4().hex

    def test_closing_a_question_that_nobody_asked_is_no_error(self, runs, fresh_id):
        run_id = fresh_id()
        runs.trigger(ROLLBACK_DAG, run_id, {"service": "credit-risk"})
        runs.reject(ROLLBACK_DAG, run_id, "roll_back")


def test_an_airflow_that_is_down_may_be_asked_again(tmp_path, monkeypatch):
    monkeypatch.setenv("TIFFIN_PORT_AIRFLOW", "1024")
    with pytest.raises(UnavailableError) as down:
        AirflowApi(TiffinHome(tmp_path)).run_state(DEPLOY_DAG, "one")
    assert down.value.code == "airflow-unavailable"
