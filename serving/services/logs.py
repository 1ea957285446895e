"""One JSON object per line, and what of a request may be said in it.

Bodies, keys and other headers never get into a log; a line says which route, which model, what
went wrong, and the request's id, under which the caller and the gateway know it too.
"""

from __future__ import annotations

import itertools
import json
import logging
import re
import secrets
import time
from collections.abc import Mapping
from typing import Any

SERVING_LOGGER = "serving"
_OTHERS = ("bentoml", "uvicorn.error")
_ID = re.compile(rb"[!-~]{1,128}")
_MADE = itertools.count(1)
_PROCESS = secrets.token_hex(6)


def request_id(headers: Mapping[bytes, bytes]) -> bytes:
    """Return the caller's own id for the request, or a new one where there is none that is fit."""
    given = headers.get(b"x-request-id")
    if given is not None and _ID.fullmatch(given):
        return given
    return b"%s-%x" % (_PROCESS.encode(), next(_MADE))


class JsonFormatter(logging.Formatter):
    """A line for a record; what was logged as `extra={"fields": ...}` stands beside the message."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line."""
        line: dict[str, Any] = {
            "time": _utc(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def _utc(at: float) -> str:
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at))
    return f"{whole}.{int(at % 1 * 1000):03d}Z"


def configure_logs(level: str) -> None:
    """Write our own lines to standard error; may run twice."""
    logger = logging.getLogger(SERVING_LOGGER)
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter())
    logger.handlers = [handler]
    logger.propagate = False
    logger.setLevel(level)


def join_other_logs() -> None:
    """Let BentoML and uvicorn write the same lines from now on.

    Not earlier: what they say about a start that failed is for a person to read.
    """
    for name in _OTHERS:
        for handler in logging.getLogger(name).handlers:
            handler.setFormatter(JsonFormatter())
