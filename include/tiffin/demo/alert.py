"""Sends one alert the way Alertmanager does (webhook payload, version 4, bearer token)."""

from __future__ import annotations

import json
import secrets
from datetime import UTC, datetime

import httpx

from tiffin.errors import UnavailableError
from tiffin.home import TiffinHome
from tiffin.intake.alerts import alerts_that_roll_back

_TIMEOUT_S = 30.0


def new_alert(service: str, revision: str) -> bytes:
    """Return a critical alert about one Revision that nobody has sent before."""
    labels = {
        "alertname": "HighErrorRate",
        "service": service,
        "revision": revision,
        "severity": "critical",
        "tiffin_action": "rollback",
    }
    annotations = {"summary": f"{service} answers too many requests with errors"}
    alert = {
        "status": "firing",
        "labels": labels,
        "annotations": annotations,
        "startsAt": datetime.now(UTC).isoformat(),
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "",
        "fingerprint": secrets.token_hex(8),
    }
    payload = {
        "version": "4",
        "groupKey": f'{{}}:{{service="{service}"}}',
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "tiffin",
        "groupLabels": {"service": service},
        "commonLabels": labels,
        "commonAnnotations": annotations,
        "externalURL": "",
        "alerts": [alert],
    }
    return json.dumps(payload).encode()


def send(home: TiffinHome, alert: bytes) -> str:
    """Post the alert and return the id of its rollback; sent twice, it is one rollback."""
    url = f"{home.url('airflow')}/tiffin/webhooks/alertmanager"
    headers = {
        "Authorization": f"Bearer {home.secret('alertmanager-token')}",
        "Content-Type": "application/json",
    }
    try:
        answer = httpx.post(
            url, content=alert, headers=headers, timeout=_TIMEOUT_S, trust_env=False
        )
        answer.raise_for_status()
    except httpx.HTTPError as error:
        raise UnavailableError(
            f"the alert was not taken by {url} ({error}); see `tiffin logs airflow-api-server`",
            code="alert-not-taken",
        ) from error
    return alerts_that_roll_back(alert)[0].rollback
