"""Airflow's public REST API, as the user `svc`: for the command line and for tasks.

Tasks can't reach Airflow's database; routes in the API server can, and use
`tiffin_airflow.triggering` instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import httpx

from tiffin.errors import RefusedError, UnavailableError
from tiffin.home import TiffinHome
from tiffin.intake.runs import SERVICE_ACCOUNT
from tiffin.stack.airflow_metadata import password_of

_TIMEOUT_S = 30.0
_EXISTS = frozenset({httpx.codes.CONFLICT})
_GONE_OR_ANSWERED = frozenset({httpx.codes.NOT_FOUND, httpx.codes.CONFLICT})


class AirflowApi:
    """Implements `tiffin.intake.runs.Runs` over HTTP; logs in at the first call."""

    def __init__(self, home: TiffinHome) -> None:
        self._home = home
        self._client = httpx.Client(
            base_url=home.url("airflow"),
            timeout=_TIMEOUT_S,
            trust_env=False,
            limits=httpx.Limits(max_keepalive_connections=0),
        )
        self._token = ""

    def trigger(self, dag_id: str, run_id: str, conf: Mapping[str, Any]) -> bool:
        """Start a run; False when it exists. Twice is once."""
        body = {"dag_run_id": run_id, "logical_date": None, "conf": dict(conf)}
        path = f"/api/v2/dags/{quote(dag_id)}/dagRuns"
        return self._call("POST", path, body, expected=_EXISTS).status_code not in _EXISTS

    def run_state(self, dag_id: str, run_id: str) -> str | None:
        """Return the run's state, or None."""
        answer = self._call("GET", _run(dag_id, run_id), expected={httpx.codes.NOT_FOUND})
        if answer.status_code == httpx.codes.NOT_FOUND:
            return None
        return str(answer.json()["state"])

    def reject(self, dag_id: str, run_id: str, task_id: str) -> None:
        """Answer an open approval with Reject; one that was answered, or never asked, stays."""
        path = f"{_run(dag_id, run_id)}/taskInstances/{quote(task_id)}/-1/hitlDetails"
        body = {"chosen_options": ["Reject"], "params_input": {}}
        self._call("PATCH", path, body, expected=_GONE_OR_ANSWERED)

    def close(self) -> None:
        """Close the connections; for whoever outlives their use of it. Twice is once."""
        self._client.close()

    def _call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        expected: frozenset[httpx.codes] | set[httpx.codes] = frozenset(),
    ) -> httpx.Response:
        answer = self._send(method, path, body)
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            self._token = ""
            answer = self._send(method, path, body)
        if answer.is_success or answer.status_code in expected:
            return answer
        said = f"Airflow answered {answer.status_code} to {method} {path}: {_detail(answer)}"
        if answer.is_server_error or answer.status_code == httpx.codes.NOT_FOUND:
            raise UnavailableError(f"{said}; see `tiffin status`", code="airflow-unavailable")
        raise RefusedError(f"{said}; correct what it names", code="airflow-refused")

    def _send(self, method: str, path: str, body: Mapping[str, Any] | None) -> httpx.Response:
        try:
            if not self._token:
                self._token = self._log_in()
            headers = {"Authorization": f"Bearer {self._token}"}
            return self._client.request(method, path, json=body, headers=headers)
        except httpx.HTTPError as error:
            raise UnavailableError(
                f"Airflow did not answer {method} {path} ({error}); see `tiffin status`",
                code="airflow-unavailable",
            ) from error

    def _log_in(self) -> str:
        credentials = {
            "username": SERVICE_ACCOUNT,
            "password": password_of(self._home, SERVICE_ACCOUNT),
        }
        answer = self._client.post("/auth/token", json=credentials)
        if not answer.is_success:
            raise UnavailableError(
                f"Airflow did not let {SERVICE_ACCOUNT} in ({answer.status_code}); run `tiffin up` "
                "again, which writes the users",
                code="airflow-login-failed",
            )
        return str(answer.json()["access_token"])


def _run(dag_id: str, run_id: str) -> str:
    return f"/api/v2/dags/{quote(dag_id)}/dagRuns/{quote(run_id, safe='')}"


def _detail(answer: httpx.Response) -> str:
    """Return the first line of what Airflow says; the rest is the schema it checked against."""
    try:
        said = str(answer.json()["detail"])
    except (ValueError, KeyError, TypeError):
        said = answer.text
    return said.partition("\n")[0][:300]
