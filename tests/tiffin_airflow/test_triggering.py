from __future__ import annotations

import warnings
from uuid import uuid4

import pytest

from tests.contracts.runs import CONF, DagsContract, RunsContract
from tiffin.home import PROJECT
from tiffin.intake.runs import ROLLBACK_DAG
from tiffin_airflow.triggering import InProcessRuns

pytestmark = [pytest.mark.timeout(300), pytest.mark.filterwarnings("ignore")]


@pytest.fixture(scope="module")
def airflow_database():
    """Airflow's database with our DAGs in it: SQLite, which will do for one writer."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Airflow's own imports warn of each other
        from airflow.dag_processing.bundles.manager import DagBundlesManager
        from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
        from airflow.utils.db import initdb

        initdb()
        DagBundlesManager().sync_bundles_to_db()
        sync_bag_to_db(DagBag(str(PROJECT / "dags")), "dags-folder", None)


class TestInProcessRuns(RunsContract, DagsContract):
    @pytest.fixture
    def runs(self, airflow_database):
        return InProcessRuns()

    @pytest.fixture
    def fresh_id(self):
        return lambda: uuid4().hex

    def test_a_run_is_triggered_by_the_service_account(self, runs):
        from airflow.models.dagrun import DagRun

        runs.trigger(ROLLBACK_DAG, "who", CONF)
        (run,) = DagRun.find(dag_id=ROLLBACK_DAG, run_id="who")
        assert (run.triggering_user_name, run.conf["actor"]) == ("svc", "alertmanager")
