"""Asks a started candidate the golden questions, straight at its own port."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import requests

from tiffin.errors import RefusedError
from tiffin.services.spec import Kind, Service, SmokeCase
from tiffin.smoke.answers import Closeness, difference
from tiffin.smoke.report import SmokeCheck, SmokeReport

_EXCERPT = 600
PATIENCE_S = 30.0
"""How long one answer may take before the candidate counts as hanging."""


def run_smoke(service: Service, endpoint_url: str, golden: Path | None) -> SmokeReport:
    """Post the service's smoke cases, and the golden rows, to the candidate at `endpoint_url`.

    `golden` is the file that validation's offline prediction wrote, or None. Only reads, so it
    may run twice. A candidate that does not answer is a failed check, not an error: it was
    ready a moment ago. Raises RefusedError (`bad-golden-file`) for a golden file it can't read.
    """
    rows = _read_golden(golden)
    with requests.Session() as session:
        session.trust_env = False  # a proxy has no business between us and a loopback port
        probe = _Probe(session, endpoint_url.rstrip("/"))
        checks = [_check("ready", probe.is_ready)]
        checks += [_check(case.name, partial(probe.case, case)) for case in service.smoke]
        if rows is not None:
            checks.append(
                _check("golden rows", partial(probe.golden, rows, Closeness.of(service.inference)))
            )
        checks.append(_check("metrics", partial(probe.metrics, service)))
    return SmokeReport(tuple(checks))


def _read_golden(file: Path | None) -> Mapping[str, Any] | None:
    if file is None:
        return None
    try:
        golden = json.loads(file.read_text(encoding="utf-8"))["golden"]
        return {"features": list(golden["features"]), "answer": dict(golden["answer"])}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RefusedError(
            f"the golden predictions in {file} can't be read ({error}); clear the validation task "
            "so that it writes them again",
            code="bad-golden-file",
        ) from error


def _check(name: str, ask: Callable[[], str]) -> SmokeCheck:
    began = time.monotonic()
    try:
        failure = ask()
    except requests.Timeout:
        failure = f"no answer within {PATIENCE_S:.0f} s"
    except requests.RequestException as error:
        failure = f"no answer: {type(error).__name__}"
    return SmokeCheck(name, failure, time.monotonic() - began)


class _Probe:
    """The questions; each returns a sentence on what is wrong, or ""."""

    def __init__(self, session: requests.Session, url: str) -> None:
        self._session = session
        self._url = url

    def is_ready(self) -> str:
        status = self._session.get(f"{self._url}/readyz", timeout=PATIENCE_S).status_code
        return "" if status == requests.codes.ok else f"/readyz answered {status}"

    def case(self, case: SmokeCase) -> str:
        answer = self._post(case.path, case.body)
        if answer.status_code != case.status:
            said = _excerpt(answer)
            return f"{case.path} answered {answer.status_code}, not {case.status}: {said}"
        missing = [field for field in case.fields if field not in _object(answer)]
        return f"the answer lacks {', '.join(missing)}" if missing else ""

    def golden(self, rows: Mapping[str, Any], closeness: Closeness) -> str:
        answer = self._post("/predict", {"input_data": {"features": rows["features"]}})
        if answer.status_code != requests.codes.ok:
            return f"/predict answered {answer.status_code}: {_excerpt(answer)}"
        found = difference(rows["answer"], _object(answer), closeness)
        return f"not what the model said offline: {found}" if found else ""

    def metrics(self, service: Service) -> str:
        answer = self._session.get(f"{self._url}/metrics", timeout=PATIENCE_S)
        if answer.status_code != requests.codes.ok:
            return f"/metrics answered {answer.status_code}"
        wanted = "model_loaded" if service.kind is not Kind.BENTO else "bentoml_service_"
        return "" if wanted in answer.text else f"/metrics has no {wanted}"

    def _post(self, path: str, body: Mapping[str, Any]) -> requests.Response:
        return self._session.post(f"{self._url}{path}", json=body, timeout=PATIENCE_S)


def _object(answer: requests.Response) -> Mapping[str, Any]:
    try:
        body = answer.json()
    except ValueError:  # the server sent no JSON, so no field is there
        return {}
    return body if isinstance(body, dict) else {}


def _excerpt(answer: requests.Response) -> str:
    text = " ".join(answer.text.split())
    return text if len(text) <= _EXCERPT else f"{text[:_EXCERPT]}…"
