"""The registry's webhook: a hint that something changed, on which the registry is read again."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request

from tiffin.intake.mlflow_delivery import Delivery, verified
from tiffin.intake.wishes import grant_wish
from tiffin_airflow.webhooks.gate import Intake, raw_body


def mlflow_routes(intake: Intake) -> APIRouter:
    """Return the one route that the MLflow server calls."""
    routes = APIRouter()

    @routes.post("/webhooks/mlflow")
    def receive(request: Request, body: Annotated[bytes, Depends(raw_body)]) -> dict[str, Any]:
        """Verify, then act once: a delivery that could not be acted on may come again."""
        delivery = verified(intake.mlflow_secret, request.headers, body, datetime.now(UTC))
        if not intake.platform.records.first_time(delivery.id):
            return {"delivery": delivery.id, "duplicate": True, "done": []}
        try:
            done = _act(intake, delivery)
        except BaseException:  # whatever it was, the sender's next try must count as the first
            intake.platform.records.forget(delivery.id)
            raise
        return {"delivery": delivery.id, "duplicate": False, "done": done}

    return routes


def _act(intake: Intake, delivery: Delivery) -> list[str]:
    if delivery.entity != "model_version_alias":
        return []
    platform = intake.platform
    services = [service for service in platform.catalog if service.model == delivery.model]
    said = [grant_wish(platform, intake.runs, service) for service in services]
    return [sentence for sentence in said if sentence]
