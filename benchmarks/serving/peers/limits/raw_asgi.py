"""The limit for anything on ASGI: the same without a framework."""

from __future__ import annotations

from typing import Any

import orjson

from benchmarks.serving.peers.job import Job
from benchmarks.serving.peers.model import load

ANSWER = load(Job.read())


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Answer `{"instances": ...}` with the model's matrix, whatever the path."""
    if scope["type"] != "http":
        return
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    answer = {"predictions": ANSWER(orjson.loads(body)["instances"])}
    sent = orjson.dumps(answer, option=orjson.OPT_SERIALIZE_NUMPY)
    length = (b"content-length", b"%d" % len(sent))
    headers = [(b"content-type", b"application/json"), length]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": sent})
