"""Operators on the in-memory platform: it is put where the embedded one comes from."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from tiffin.platform import Platform


@pytest.fixture
def platform_in_use(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> Platform:
    monkeypatch.setattr("tiffin.platform.embedded_platform", lambda home=None: platform)
    return platform


@pytest.fixture
def context_of() -> Callable[..., dict[str, Any]]:
    """Return a function that makes what Airflow hands to a task; `states` are its neighbours'."""

    def make(run_id: str, *, user: str = "admin", states: Any = None, **conf: Any) -> Any:
        run = SimpleNamespace(
            dag_id="deploy_model", run_id=run_id, triggering_user_name=user, conf=conf
        )
        known = states or {}
        ti = SimpleNamespace(get_task_states=lambda **asked: {run_id: known})
        return {"dag_run": run, "ti": ti, "params": conf, "run_id": run_id}

    return make
