"""What every route shares: the parts it works with, a bounded body, and errors as one sentence."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from tiffin.errors import FencedError, RefusedError, TiffinError, UnavailableError
from tiffin.intake.handled_alerts import HandledAlerts
from tiffin.intake.runs import Runs
from tiffin.platform import Platform

LARGEST_BODY = 1 << 20
_BUSY, _CONFLICT, _REFUSED = 503, 409, 422
_STATUS = {
    "webhook-forged": 401,
    "token-wrong": 401,
    "webhook-stale": 403,
    "body-too-large": 413,
    "unknown-release": 404,
}


@dataclass(frozen=True)
class Intake:
    """What the webhooks work with. Made once per process; nothing in it is contacted before use."""

    platform: Platform
    runs: Runs
    handled: HandledAlerts
    mlflow_secret: str
    alertmanager_token: str


async def raw_body(request: Request) -> bytes:
    """Read the body as it was sent; stop reading, with 413, once it is too large."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > LARGEST_BODY:
            raise RefusedError(
                f"the body is larger than {LARGEST_BODY} bytes; send less at once",
                code="body-too-large",
            )
    return bytes(body)


def status_of(error: TiffinError) -> int:
    """Return the HTTP status of an error: 5xx asks the sender to try again, 4xx does not."""
    if error.code in _STATUS:
        return _STATUS[error.code]
    if isinstance(error, UnavailableError):
        return _BUSY
    return _CONFLICT if isinstance(error, FencedError) else _REFUSED


def answer_errors(app: FastAPI) -> None:
    """Answer every refusal with one sentence and its code, whatever raised it."""

    @app.exception_handler(TiffinError)
    def tiffin_error(request: Request, error: TiffinError) -> JSONResponse:
        return _said(status_of(error), error.message, error.code)

    @app.exception_handler(HTTPException)
    def http_error(request: Request, error: HTTPException) -> JSONResponse:
        return _said(error.status_code, str(error.detail), f"http-{error.status_code}")

    @app.exception_handler(RequestValidationError)
    def bad_request(request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        return _said(_REFUSED, f"{where}: {first['msg']}", "bad-request")


def _said(status: int, sentence: str, code: str) -> JSONResponse:
    return JSONResponse({"error": sentence, "code": code}, status_code=status)
