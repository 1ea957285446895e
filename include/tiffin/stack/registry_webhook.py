"""The subscription at MLflow's registry: its deliveries are signed with a secret of the home."""

from __future__ import annotations

from typing import Any

import httpx

from tiffin.errors import UnavailableError
from tiffin.home import TiffinHome

NAME = "tiffin"
SECRET = "mlflow-webhook"  # noqa: S105  (the name of a secret)
EVENTS = (
    {"entity": "MODEL_VERSION_ALIAS", "action": "CREATED"},
    {"entity": "MODEL_VERSION_ALIAS", "action": "DELETED"},
    {"entity": "MODEL_VERSION_TAG", "action": "SET"},
    {"entity": "MODEL_VERSION_TAG", "action": "DELETED"},
)


def ensure_registry_webhook(home: TiffinHome) -> None:
    """Subscribe our receiver to alias and tag changes; what is subscribed rightly stays.

    A crash between listing and creating can leave none, never a wrong one; two callers at once
    can leave two, and the next call deletes the second.
    """
    url = f"{home.url('airflow')}/tiffin/webhooks/mlflow"
    mine = [hook for hook in _list(home) if hook["name"] == NAME]
    right = [hook for hook in mine if hook["url"] == url and _same_events(hook)]
    for hook in mine:
        if hook not in right[:1]:
            _call(home, "DELETE", f"/{hook['webhook_id']}")
    if not right:
        secret = home.secret(SECRET)
        body = {"name": NAME, "url": url, "events": EVENTS, "secret": secret, "status": "ACTIVE"}
        _call(home, "POST", "", body)


def _list(home: TiffinHome) -> list[dict[str, Any]]:
    hooks: list[dict[str, Any]] = _call(home, "GET", "?max_results=100").get("webhooks", [])
    return hooks


def _same_events(hook: dict[str, Any]) -> bool:
    def pairs(events: Any) -> set[tuple[str, str]]:
        return {(event["entity"], event["action"]) for event in events}

    return pairs(hook.get("events", [])) == pairs(EVENTS)


def _call(home: TiffinHome, method: str, path: str, body: Any = None) -> dict[str, Any]:
    url = f"{home.url('mlflow')}/api/2.0/mlflow/webhooks{path}"
    try:
        answer = httpx.request(method, url, json=body, timeout=30, trust_env=False)
        answer.raise_for_status()
    except httpx.HTTPError as error:
        raise UnavailableError(
            f"the registry's webhook could not be set up ({error}); run `tiffin up` again",
            code="registry-unavailable",
        ) from error
    found: dict[str, Any] = answer.json()
    return found
