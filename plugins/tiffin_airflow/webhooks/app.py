"""The application mounted at /tiffin: two webhooks with their own proof, pages for users."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import FastAPI

from tiffin_airflow.webhooks.alertmanager import alertmanager_routes
from tiffin_airflow.webhooks.gate import Intake, answer_errors
from tiffin_airflow.webhooks.mlflow import mlflow_routes
from tiffin_airflow.webhooks.releases import release_routes


def create_app(intake: Intake, logged_in: Callable[..., Any]) -> FastAPI:
    """Return the application; nothing but its four routes is open, not even its own docs."""
    app = FastAPI(title="Tiffin", docs_url=None, redoc_url=None, openapi_url=None)
    answer_errors(app)
    app.include_router(mlflow_routes(intake))
    app.include_router(alertmanager_routes(intake))
    app.include_router(release_routes(intake.platform, logged_in))
    return app


def embedded_app() -> FastAPI:
    """Return the application of the embedded stack, guarded by Airflow's own login."""
    from airflow.api_fastapi.core_api.security import get_user

    from tiffin.home import TiffinHome
    from tiffin.intake.handled_alerts import HandledAlerts
    from tiffin.platform import embedded_platform
    from tiffin_airflow.triggering import InProcessRuns

    home = TiffinHome.from_environment()
    intake = Intake(
        platform=embedded_platform(home),
        runs=InProcessRuns(),
        handled=HandledAlerts(home.folder("alerts")),
        mlflow_secret=home.secret("mlflow-webhook"),
        alertmanager_token=home.secret("alertmanager-token"),
    )
    return create_app(intake, get_user)
