"""Ray Serve: stock, or with `@serve.batch` and its throughput settings as its documents advise.

https://docs.ray.io/en/latest/serve/advanced-guides/dyn-req-batch.html
https://docs.ray.io/en/latest/serve/advanced-guides/performance.html
"""

from __future__ import annotations

import os
import signal
from typing import Any

import numpy as np
from ray import serve
from starlette.requests import Request

from benchmarks.serving.peers.job import Job
from benchmarks.serving.peers.model import BATCH_WAIT_S, MAX_BATCH, load


@serve.deployment
class OneByOne:
    """Answers `{"instances": ...}` with the model's matrix."""

    def __init__(self) -> None:
        self.answer = load(Job.read())

    async def __call__(self, request: Request) -> Any:
        """Answer one request."""
        return {"predictions": self.answer((await request.json())["instances"]).tolist()}


@serve.deployment(max_ongoing_requests=4 * MAX_BATCH)
class Batched:
    """The same, for the rows of several requests at once."""

    def __init__(self) -> None:
        self.answer = load(Job.read())

    @serve.batch(max_batch_size=MAX_BATCH, batch_wait_timeout_s=BATCH_WAIT_S)
    async def answer_all(self, requests: list[Any]) -> list[Any]:
        """Answer the rows of all requests at once."""
        ends = np.cumsum([len(rows) for rows in requests])[:-1]
        return np.split(self.answer([row for rows in requests for row in rows]), ends)

    async def __call__(self, request: Request) -> Any:
        """Answer one request as part of a batch."""
        answer = await self.answer_all((await request.json())["instances"])
        return {"predictions": answer.tolist()}


def main() -> None:
    """Serve until a signal."""
    import ray

    job = Job.read()
    ray.init(
        num_cpus=4,
        include_dashboard=False,
        object_store_memory=100 * 1024**2,
        _temp_dir=os.environ["BENCH_SCRATCH"],
        log_to_driver=False,
    )
    serve.start(http_options={"host": "127.0.0.1", "port": job.port})
    deployment = Batched if job.is_tuned and job.engine == "sklearn" else OneByOne
    if job.is_tuned:
        deployment = deployment.options(max_ongoing_requests=4 * MAX_BATCH)
    serve.run(deployment.bind(), route_prefix="/predict")
    signal.sigwait({signal.SIGTERM, signal.SIGINT})


if __name__ == "__main__":
    main()
