"""The wire to an MLflow server: one session, and the one place that maps its errors to ours.

`import mlflow` costs four seconds of CPU, and each Airflow task would pay it; the few REST calls
that Tiffin needs cost milliseconds. See docs/decisions/0003-mlflow-over-rest.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

from tiffin.errors import RefusedError, TiffinError, UnavailableError

_CONNECT_S, _READ_S = 5.0, 30.0
_CHUNK = 1 << 20
_RETRIES = Retry(
    total=3,
    backoff_factor=0.2,
    status_forcelist=(502, 503, 504),
    allowed_methods=frozenset({"GET"}),
    raise_on_status=False,
)


class MlflowRest:
    """Speaks JSON and files with one MLflow server.

    Only reads are tried again by themselves: a write whose answer was lost may have happened, so
    whoever asked for it converges by asking again.
    """

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self._session = requests.Session()
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, HTTPAdapter(max_retries=_RETRIES))

    def get(self, path: str, params: Mapping[str, str], *, missing: RefusedError) -> dict[str, Any]:
        """Read one JSON answer; raise `missing` when the server knows no such thing."""
        return self._json(self._ask("GET", path, params=params), missing)

    def send(
        self, method: str, path: str, body: Mapping[str, Any], *, missing: RefusedError
    ) -> dict[str, Any]:
        """Write once; raise `missing` when the server knows no such thing."""
        return self._json(self._ask(method, path, json=body), missing)

    def download(self, path: str, file: Path, *, missing: RefusedError) -> int:
        """Copy an answer's bytes to a new file, on disk before this returns; return their count."""
        answer = self._ask("GET", path, stream=True)
        _check(answer, missing)
        try:
            with file.open("wb") as out:
                for chunk in answer.iter_content(_CHUNK):
                    out.write(chunk)
        except requests.RequestException as error:
            raise self._unavailable(error) from error
        finally:
            answer.close()
        return file.stat().st_size

    def upload(self, path: str, file: Path, *, missing: RefusedError) -> None:
        """Put a file's bytes; twice is the same as once."""
        with file.open("rb") as content:
            _check(self._ask("PUT", path, data=content), missing)

    def _ask(self, method: str, path: str, **options: Any) -> requests.Response:
        url = f"{self.url}/api/2.0/{path}"
        try:
            return self._session.request(method, url, timeout=(_CONNECT_S, _READ_S), **options)
        except requests.RequestException as error:
            raise self._unavailable(error) from error

    def _json(self, answer: requests.Response, missing: RefusedError) -> dict[str, Any]:
        _check(answer, missing)
        try:
            body = answer.json()
        except requests.JSONDecodeError as error:
            raise self._unavailable(error) from error
        if not isinstance(body, dict):
            raise self._unavailable(TypeError("the answer is no JSON object"))
        return body

    def _unavailable(self, error: Exception) -> UnavailableError:
        if isinstance(error, requests.ConnectionError):
            return UnavailableError(
                f"the MLflow server at {self.url} does not answer; start the stack with "
                "`tiffin up`",
                code="registry-unavailable",
            )
        return UnavailableError(
            f"the MLflow server at {self.url} gave no usable answer ({_brief(error)}); "
            "check that it is up, then try again",
            code="registry-unavailable",
        )


def _check(answer: requests.Response, missing: RefusedError) -> None:
    if answer.ok:
        return
    code, message = _said(answer)
    if answer.status_code == 404 or code == "RESOURCE_DOES_NOT_EXIST":
        raise missing
    raise _refusal(answer, message)


def _refusal(answer: requests.Response, message: str) -> TiffinError:
    said = f"the MLflow server answered {answer.status_code}: {message}"
    if answer.status_code >= 500 or answer.status_code in (408, 429):
        return UnavailableError(f"{said}; try again", code="registry-unavailable")
    if answer.status_code in (401, 403):
        return RefusedError(
            f"{said}; check the user's rights and the server's allowed hosts",
            code="registry-forbidden",
        )
    return RefusedError(f"{said}; correct what was asked for", code="registry-refused")


def _said(answer: requests.Response) -> tuple[str, str]:
    try:
        body = answer.json()
        return str(body["error_code"]), str(body["message"])[:300]
    except (requests.JSONDecodeError, KeyError, TypeError):
        return "", answer.text[:200] or answer.reason


def _brief(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:200]
