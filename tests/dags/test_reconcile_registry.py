from __future__ import annotations

from datetime import timedelta


def test_looks_every_minute_and_never_twice_at_once(dag_of):
    dag = dag_of("reconcile_registry")
    assert dag.schedule == timedelta(minutes=1)
    assert dag.catchup is False
    assert dag.max_active_runs == 1
    assert dag.is_paused_upon_creation is False
