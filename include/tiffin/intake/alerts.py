"""Alerts as Alertmanager sends them (webhook payload, version 4): which ones roll back. Pure.

An alert rolls back the service in its label `service` when it is firing and its label
`tiffin_action` is `rollback`; without that label, when its `severity` is `critical`. Any other
`tiffin_action` (say, `none`) keeps a critical alert from rolling back.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, Field, ValidationError

from tiffin.errors import RefusedError

_MOST = 100


@dataclass(frozen=True, slots=True)
class Alert:
    """A firing alert that rolls a service back. `revision` names the bad one, if it says so."""

    service: str
    revision: str | None
    fingerprint: str
    starts_at: datetime
    summary: str
    status: str = "firing"

    @property
    def rollback(self) -> str:
        """The id of the rollback, and of its run: the same for each repetition of the alert."""
        return f"alert-{self.fingerprint}-{int(self.starts_at.timestamp())}"


class _Sent(BaseModel):
    status: Literal["firing", "resolved"]
    labels: dict[str, str]
    annotations: dict[str, str] = {}
    startsAt: AwareDatetime
    fingerprint: Annotated[str, Field(pattern=r"^[0-9a-zA-Z]{1,64}$")]


class _Payload(BaseModel):
    version: Literal["4"]
    alerts: Annotated[list[_Sent], Field(max_length=_MOST)]


def alerts_that_roll_back(body: bytes) -> tuple[Alert, ...]:
    """Return the alerts to act on, each once; raise RefusedError `alert-malformed`."""
    try:
        payload = _Payload.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise RefusedError(
            f"the alerts can't be read: {where or 'the body'}: {first['msg']}; send Alertmanager's "
            "webhook payload, version 4",
            code="alert-malformed",
        ) from error
    found = (_alert(sent) for sent in payload.alerts if _rolls_back(sent))
    return tuple({alert.rollback: alert for alert in found}.values())


def _rolls_back(sent: _Sent) -> bool:
    if sent.status != "firing":
        return False
    if action := sent.labels.get("tiffin_action"):
        return action == "rollback"
    return sent.labels.get("severity") == "critical" and bool(sent.labels.get("service"))


def _alert(sent: _Sent) -> Alert:
    named = sent.labels.get("alertname", "an alert")
    return Alert(
        service=sent.labels.get("service", ""),
        revision=sent.labels.get("revision") or None,
        fingerprint=sent.fingerprint,
        starts_at=sent.startsAt,
        summary=f"{named}: {sent.annotations.get('summary', 'no summary')}"[:500],
    )
