"""Alertmanager's webhook: the fast lane. Traffic first, which needs the router alone; then a run.

If the traffic can't be moved here the run is started all the same, and does it all.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from tiffin.errors import RefusedError, TiffinError, UnavailableError
from tiffin.intake.alerts import Alert, alerts_that_roll_back
from tiffin.intake.runs import ROLLBACK_DAG
from tiffin.release.traffic_back import roll_back_traffic
from tiffin_airflow.webhooks.gate import Intake, raw_body, status_of

_ACTOR = "alertmanager"


@dataclass
class _Outcome:
    """What was done about one alert; `errors` says what was not."""

    alert: Alert
    moved: bool = False
    from_revision: str | None = None
    to_revision: str | None = None
    run_is_new: bool | None = None
    errors: tuple[TiffinError, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "service": self.alert.service,
            "rollback": self.alert.rollback,
            "moved": self.moved,
            "from": self.from_revision,
            "to": self.to_revision,
            "run": {None: None, True: "started", False: "known"}[self.run_is_new],
            "errors": [{"error": e.message, "code": e.code} for e in self.errors],
        }


def alertmanager_routes(intake: Intake) -> APIRouter:
    """Return the one route that Alertmanager calls."""
    routes = APIRouter()

    def may_alert(request: Request) -> None:
        sent = request.headers.get("authorization", "").encode()
        if not hmac.compare_digest(f"Bearer {intake.alertmanager_token}".encode(), sent):
            raise RefusedError(
                "the bearer token is missing or wrong; Alertmanager's http_config needs the one in "
                "secrets/alertmanager-token of the Tiffin home",
                code="token-wrong",
            )

    @routes.post("/webhooks/alertmanager", dependencies=[Depends(may_alert)])
    def receive(body: Annotated[bytes, Depends(raw_body)], response: Response) -> dict[str, Any]:
        """Roll back what the alerts name; 5xx makes Alertmanager send them again."""
        alerts = alerts_that_roll_back(body)
        outcomes = [_move(intake, alert) for alert in alerts]
        for outcome in outcomes:
            _start_run(intake, outcome)
        response.status_code = _status(outcomes)
        return {"alerts": [outcome.to_dict() for outcome in outcomes]}

    return routes


def _move(intake: Intake, alert: Alert) -> _Outcome:
    """Move the traffic, once for each alert: a repetition must not hit a later Release.

    Not even that of an alert that was refused: what came since may be the cure.
    """
    if alert.rollback in intake.handled:
        return _Outcome(alert, errors=_refused_before(intake, alert))
    try:
        moved = roll_back_traffic(
            intake.platform.router, alert.service, alert.rollback, alert.revision
        )
        intake.handled.remember(alert.rollback)
    except RefusedError as error:
        intake.handled.remember(alert.rollback, refusal=error.message)
        return _Outcome(alert, errors=(error,))
    except TiffinError as error:
        return _Outcome(alert, errors=(error,))
    return _Outcome(alert, moved.changed, moved.from_revision or alert.revision, moved.to_revision)


def _refused_before(intake: Intake, alert: Alert) -> tuple[TiffinError, ...]:
    refusal = intake.handled.refusal(alert.rollback)
    if not refusal:
        return ()
    sentence = f"this alert was refused when it first came: {refusal}"
    return (RefusedError(sentence, code="alert-refused-before"),)


def _start_run(intake: Intake, outcome: _Outcome) -> None:
    """Let the DAG finish it, or do it all; what was refused here would be refused there."""
    if any(isinstance(error, RefusedError) for error in outcome.errors):
        return
    alert = outcome.alert
    conf = {
        "service": alert.service,
        "revision": outcome.from_revision or alert.revision,
        "reason": alert.summary,
        "actor": _ACTOR,
    }
    try:
        outcome.run_is_new = intake.runs.trigger(ROLLBACK_DAG, alert.rollback, conf)
    except TiffinError as error:
        outcome.errors = (*outcome.errors, error)


def _status(outcomes: list[_Outcome]) -> int:
    """200 when all is done; 503 when a retry may help; else the refusals' own, if all refused."""
    errors = [error for outcome in outcomes for error in outcome.errors]
    if any(not isinstance(error, RefusedError) for error in errors):
        return status_of(UnavailableError("", code=""))
    all_refused = bool(outcomes) and all(outcome.errors for outcome in outcomes)
    return status_of(errors[0]) if all_refused else 200
