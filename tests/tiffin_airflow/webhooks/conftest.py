from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Annotated, Any

import pytest
from fastapi import Header, HTTPException

from tiffin_airflow.webhooks.app import create_app
from tiffin_airflow.webhooks.gate import Intake

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # Starlette would rather have another HTTP client
    from starlette.testclient import TestClient

Client = TestClient


def logged_in(x_user: Annotated[str | None, Header()] = None) -> str:
    """Stand for Airflow's login: the header is the user."""
    if x_user is None:
        raise HTTPException(401, "Not authenticated")
    return x_user


@pytest.fixture
def client_of() -> Callable[[Intake], Any]:
    return lambda intake: TestClient(create_app(intake, logged_in))


@pytest.fixture
def client(client_of, intake):
    return client_of(intake)
