from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiffin.errors import RefusedError
from tiffin.intake.asking import ServiceNotReadError, ask_for_release, params_of, request_from
from tiffin.intake.memory_runs import MemoryRuns
from tiffin.intake.runs import DEPLOY_DAG
from tiffin.release.release import OnConflict, ReleaseRequest

ASKED = ReleaseRequest("iris", "admin", version="2")

shares = st.floats(0.001, 0.999)
requests = st.builds(
    ReleaseRequest,
    service=st.text(min_size=1),
    actor=st.just("admin"),
    version=st.text(min_size=1),
    strategy=st.none() | st.sampled_from(["adaptive", "steps", "direct"]),
    weights=st.none() | st.lists(shares, min_size=1).map(tuple),
    approval=st.none() | st.booleans(),
    dry_run=st.booleans(),
    on_conflict=st.sampled_from(OnConflict),
)


@given(requests)
def test_a_request_comes_back_from_its_params_as_it_was(request: ReleaseRequest):
    params = json.loads(json.dumps(params_of(request)))
    assert request_from(params, request.actor) == request


def test_weights_may_be_percent():
    params = {"service": "iris", "version": "2", "weights": [1, 5, 0.25, 50]}
    assert request_from(params, "admin").weights == (0.01, 0.05, 0.25, 0.5)


def test_the_actor_is_not_taken_from_the_params():
    params = params_of(ASKED) | {"actor": "somebody-else"}
    assert request_from(params, "view").actor == "view"


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"service": "iris"},
        {"service": "iris", "version": "1", "alias": "challenger"},
        {"service": "iris", "version": "1", "weights": ["many"]},
        {"service": "iris", "version": "1", "on_conflict": "fight"},
    ],
)
def test_params_that_describe_no_deploy_are_refused(params):
    with pytest.raises(RefusedError) as refused:
        request_from(params, "admin")
    assert refused.value.code == "bad-request"


def test_asking_twice_is_asking_once(platform):
    runs = MemoryRuns()
    first = ask_for_release(runs, platform.records, ASKED)
    again = ask_for_release(runs, platform.records, ASKED)
    assert (first.release, first.is_new) == ("iris-v2-1", True)
    assert (again.release, again.is_new) == ("iris-v2-1", False)


def test_what_was_refused_when_it_asked_can_be_asked_again(platform):
    runs = MemoryRuns()
    ask_for_release(runs, platform.records, ASKED)
    runs.end(DEPLOY_DAG, "iris-v2-1", "failed")
    again = ask_for_release(runs, platform.records, ASKED)
    assert (again.release, again.is_new) == ("iris-v2-2", True)


class RefusingRuns(MemoryRuns):
    """Airflow, which says no in these words."""

    def __init__(self, said: str) -> None:
        super().__init__()
        self.said = said

    def trigger(self, dag_id, run_id, conf):
        raise RefusedError(self.said, code="airflow-refused")


def test_a_service_that_airflow_has_not_read_yet_may_be_asked_for_again(platform):
    runs = RefusingRuns("Airflow: Invalid input for param service: 'iris' is not one of ['roses']")
    with pytest.raises(ServiceNotReadError) as unread:
        ask_for_release(runs, platform.records, ASKED)
    assert unread.value.code == "service-not-read"


def test_another_refusal_of_airflow_stays_one(platform):
    runs = RefusingRuns("Airflow: Invalid input for param version: 'x' does not match")
    with pytest.raises(RefusedError):
        ask_for_release(runs, platform.records, ASKED)
