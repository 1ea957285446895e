"""LitServe: stock, or batched and with its faster queue as its documents advise.

https://lightning.ai/docs/litserve/features/batching
"""

from typing import Any

import litserve
import numpy as np
from fastapi import Request

from benchmarks.serving.peers.job import Job
from benchmarks.serving.peers.model import BATCH_WAIT_S, MAX_BATCH, load


class OneByOne(litserve.LitAPI):
    """Answers `{"instances": ...}` with the model's matrix."""

    def setup(self, device: Any) -> None:
        """Load the model in the worker process."""
        self.answer = load(Job.read())

    # LitServe hands annotations to FastAPI, which would check each body and answer by them.
    def decode_request(self, request: Request):  # noqa: ANN201
        """Take the rows."""
        return request["instances"]

    def predict(self, rows: Any) -> Any:
        """Answer the rows of one request."""
        return self.answer(rows)

    def encode_response(self, output: Any):  # noqa: ANN201
        """Send the matrix."""
        return {"predictions": output.tolist()}


class Batched(OneByOne):
    """The same, for the rows of several requests at once."""

    def batch(self, inputs: list[Any]) -> Any:
        """Put all rows below each other."""
        self.ends = np.cumsum([len(rows) for rows in inputs])[:-1]
        return [row for rows in inputs for row in rows]

    def unbatch(self, output: Any) -> Any:
        """Give each request its own rows back."""
        return np.split(output, self.ends)


def main() -> None:
    """Serve until a signal."""
    job = Job.read()
    is_batched = job.is_tuned and job.engine == "sklearn"
    api = (
        Batched(max_batch_size=MAX_BATCH, batch_timeout=BATCH_WAIT_S) if is_batched else OneByOne()
    )
    server = litserve.LitServer(api, accelerator="cpu", fast_queue=job.is_tuned)
    server.run(
        host="127.0.0.1",
        port=job.port,
        generate_client_file=False,
        log_level="warning" if job.is_tuned else "info",
    )


if __name__ == "__main__":
    main()
