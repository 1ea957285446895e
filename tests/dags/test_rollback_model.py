from __future__ import annotations

import copy


def test_a_rollback_is_one_task_that_is_tried_for_long(dag_of):
    dag = dag_of("rollback_model")
    (task,) = dag.tasks
    assert task.retries == 20
    assert task.rollback_id == "{{ run_id }}"
    assert "rollback_id" in task.template_fields


def test_the_form_needs_only_a_service(dag_of):
    params = copy.deepcopy(dag_of("rollback_model").params)
    params.update({"service": "credit-risk"})
    assert params.validate() == {
        "service": "credit-risk",
        "revision": None,
        "reason": "asked for by hand",
    }
