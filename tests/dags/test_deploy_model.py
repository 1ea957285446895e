from __future__ import annotations

import copy

import pytest

from tiffin.intake.asking import params_of, request_from
from tiffin.release.release import OnConflict, ReleaseRequest

WAY = {
    "open_release": {"validate"},
    "validate": {"package"},
    "package": {"image"},
    "image": {"start"},
    "start": {"smoke"},
    "smoke": {"ramp"},
    "ramp": {"approve", "guard"},
    "approve": {"promote"},
    "guard": {"promote"},
    "promote": {"watch"},
    "watch": {"settle"},
    "settle": set(),
}


@pytest.fixture
def dag(dag_of):
    return dag_of("deploy_model")


def filled(dag, **conf):
    """Fill in the form as Airflow does; raise what it raises."""
    params = copy.deepcopy(dag.params)
    params.update(conf)
    return params.validate()


def test_the_way_of_a_release(dag):
    assert {task.task_id: set(task.downstream_task_ids) for task in dag.tasks} == WAY


def test_settle_runs_whatever_happened(dag):
    assert dag.get_task("settle").trigger_rule == "all_done"


def test_promote_runs_when_nobody_was_to_approve_and_not_when_something_failed(dag):
    assert dag.get_task("promote").trigger_rule == "none_failed"
    others = set(WAY) - {"promote", "settle"}
    assert {dag.get_task(name).trigger_rule for name in others} == {"all_success"}


def test_every_task_survives_being_killed(dag):
    assert {task.retries for task in dag.tasks} == {10}


def test_waiting_for_ones_turn_holds_no_worker(dag):
    assert dag.get_task("open_release").mode == "reschedule"


def test_several_services_deploy_at_once_from_the_first_day(dag):
    assert dag.is_paused_upon_creation is False
    assert dag.max_active_runs == 16
    assert dag.schedule is None


def test_the_form_offers_the_services(dag):
    names = dag.params.get_param("service").schema["enum"]
    assert "credit-risk" in names


def test_the_form_explains_each_field(dag):
    for name in dag.params:
        assert dag.params.get_param(name).description, name
        assert dag.params.get_param(name).schema["title"], name


def test_the_form_as_it_is_opened_asks_to_wait(dag):
    params = filled(dag, service="credit-risk", version="1")
    assert params["on_conflict"] == "wait"
    assert request_from(params, "admin") == ReleaseRequest(
        "credit-risk", "admin", version="1", on_conflict=OnConflict.WAIT
    )


def test_a_request_passes_the_form_as_it_is(dag):
    request = ReleaseRequest(
        "credit-risk", "admin", version="7", strategy="steps", weights=(0.05, 0.5), approval=True
    )
    assert request_from(filled(dag, **params_of(request)), "admin") == request


@pytest.mark.parametrize(
    "conf",
    [
        {"service": "nobody"},
        {"service": "credit-risk", "version": "latest"},
        {"service": "credit-risk", "version": 7},
        {"service": "credit-risk", "strategy": "hope"},
        {"service": "credit-risk", "weights": [0]},
        {"service": "credit-risk", "weights": [100]},
        {"service": "credit-risk", "weights": "5,10"},
        {"service": "credit-risk", "dry_run": "maybe"},
        {"service": "credit-risk", "on_conflict": "fight"},
        {},
    ],
)
def test_the_form_refuses_what_no_deploy_could_be(dag, conf):
    from airflow.sdk.exceptions import ParamValidationError

    with pytest.raises(ParamValidationError):
        filled(dag, **conf)
