"""Asks a server whether it is ready, which model answers, and how long one question takes."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import httpx

from tiffin.services.spec import SmokeCase

_PATIENCE_S = 10.0
_EXCERPT = 200
REVISION_HEADER = "x-tiffin-revision"


class State(StrEnum):
    """How a service is."""

    WELL = "well"
    WRONG = "wrong"
    """It answers, and not as it should."""
    SILENT = "silent"
    """It does not answer, or says that it is not ready."""
    NOT_DEPLOYED = "not deployed"


@dataclass(frozen=True, slots=True)
class Found:
    """How one server was at one moment; `milliseconds` is what the question took."""

    url: str
    state: State
    problem: str = ""
    """One sentence, or empty."""
    model: str | None = None
    version: str | None = None
    revision: str | None = None
    """Who answered the question."""
    engine: str | None = None
    question: str | None = None
    milliseconds: float | None = None


def probe(url: str, case: SmokeCase | None) -> Found:
    """Ask the server at `url`; `case` is the golden question, or None to ask who it is.

    Reads only. Whatever is wrong is in the answer; nothing is raised.
    """
    url = url.rstrip("/")
    try:
        with httpx.Client(base_url=url, timeout=_PATIENCE_S, trust_env=False) as client:
            return _asked(client, url, case)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        why = str(error) or type(error).__name__
        return Found(url, State.SILENT, f"{url} does not answer ({why})")


def _asked(client: httpx.Client, url: str, case: SmokeCase | None) -> Found:
    ready = client.get("/readyz")
    if ready.status_code == httpx.codes.NOT_FOUND:
        return Found(url, State.WRONG, f"{url} has no /readyz: what answers is no model server")
    if ready.status_code != httpx.codes.OK:
        return Found(
            url, State.SILENT, f"{url}/readyz answers {ready.status_code}: it is not ready"
        )
    told = _model_info(client)
    began = time.perf_counter()
    if case is None:
        answer, problem, question = client.get("/model_info"), "", "GET /model_info"
    else:
        answer = client.post(case.path, json=case.body)
        problem, question = _problem(case, answer), case.name
    milliseconds = (time.perf_counter() - began) * 1000
    return Found(
        url=url,
        state=State.WRONG if problem else State.WELL,
        problem=problem,
        model=_text(told, "model_name"),
        version=_text(told, "model_version"),
        revision=answer.headers.get(REVISION_HEADER) or _text(told, "revision"),
        engine=_text(told, "engine"),
        question=question,
        milliseconds=round(milliseconds, 3),
    )


def _model_info(client: httpx.Client) -> Mapping[str, Any]:
    """Return what the server says of its model; a service of one's own says nothing."""
    answer = client.get("/model_info")
    return _object(answer) if answer.status_code == httpx.codes.OK else {}


def _problem(case: SmokeCase, answer: httpx.Response) -> str:
    if answer.status_code != case.status:
        said = " ".join(answer.text.split())[:_EXCERPT]
        return f"{case.path} answered {answer.status_code}, not {case.status}: {said}"
    missing = [field for field in case.fields if field not in _object(answer)]
    return f"the answer lacks {', '.join(missing)}" if missing else ""


def _object(answer: httpx.Response) -> Mapping[str, Any]:
    try:
        body = answer.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _text(told: Mapping[str, Any], key: str) -> str | None:
    value = told.get(key)
    return None if value is None else str(value)
