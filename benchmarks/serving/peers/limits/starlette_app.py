"""The limit for anything on Starlette: parse, compute, answer; no key, no check, no metric."""

from __future__ import annotations

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from benchmarks.serving.peers.job import Job
from benchmarks.serving.peers.model import load

ANSWER = load(Job.read())


async def predict(request: Request) -> Response:
    """Answer `{"instances": ...}` with the model's matrix."""
    rows = orjson.loads(await request.body())["instances"]
    body = orjson.dumps({"predictions": ANSWER(rows)}, option=orjson.OPT_SERIALIZE_NUMPY)
    return Response(body, media_type="application/json")


app = Starlette(routes=[Route("/predict", predict, methods=["POST"])])
