"""What everything that starts DAG runs must do; a new implementation's test subclasses this."""

from __future__ import annotations

import pytest

from tiffin.errors import RefusedError, UnavailableError
from tiffin.intake.runs import DEPLOY_DAG, ROLLBACK_DAG, is_under_way

CONF = {"service": "credit-risk", "revision": None, "reason": "a test", "actor": "alertmanager"}


class RunsContract:
    """Subclasses provide `runs` and `fresh_id()` as fixtures."""

    def test_starts_a_run_once(self, runs, fresh_id):
        run_id = fresh_id()
        assert runs.trigger(ROLLBACK_DAG, run_id, CONF) is True
        assert runs.trigger(ROLLBACK_DAG, run_id, CONF) is False

    def test_knows_the_state_of_a_run(self, runs, fresh_id):
        run_id = fresh_id()
        assert runs.run_state(ROLLBACK_DAG, run_id) is None
        runs.trigger(ROLLBACK_DAG, run_id, CONF)
        assert is_under_way(runs.run_state(ROLLBACK_DAG, run_id))

    def test_takes_every_character_of_a_legal_run_id(self, runs, fresh_id):
        run_id = f"alert:{fresh_id()}~a.b_c+d-1"
        assert runs.trigger(ROLLBACK_DAG, run_id, CONF) is True
        assert runs.run_state(ROLLBACK_DAG, run_id) is not None


class DagsContract:
    """For implementations that know which DAGs there are; `runs` as above."""

    def test_a_dag_that_is_not_loaded_yet_may_be_tried_again(self, runs):
        with pytest.raises(UnavailableError):
            runs.trigger("no_such_dag", "one", {})

    def test_params_that_the_form_refuses_are_refused(self, runs):
        with pytest.raises(RefusedError) as refused:
            runs.trigger(DEPLOY_DAG, "refused", {"service": "nobody"})
        assert refused.value.code == "airflow-refused"
