from __future__ import annotations

from types import SimpleNamespace

import pytest

from tiffin.errors import RefusedError
from tiffin_airflow.actor import actor_of


def run(user, conf=None):
    return SimpleNamespace(triggering_user_name=user, conf=conf)


@pytest.mark.parametrize(
    ("user", "conf", "actor"),
    [
        ("admin", None, "admin"),
        ("admin", {"service": "iris"}, "admin"),
        ("admin", {"actor": "admin"}, "admin"),
        ("svc", {}, "svc"),
        ("svc", {"actor": "webhook"}, "webhook"),
        (None, None, "airflow"),
    ],
)
def test_the_actor_is_who_triggered_the_run(user, conf, actor):
    assert actor_of(run(user, conf)) == actor


@pytest.mark.parametrize("user", ["admin", "view", None])
def test_nobody_but_the_service_account_acts_for_another(user):
    with pytest.raises(RefusedError) as refused:
        actor_of(run(user, {"actor": "webhook"}))
    assert refused.value.code == "actor-forged"
