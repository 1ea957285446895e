"""A model server of Tiffin's with an example's model, for loads that have nothing else to ask."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.serving.contenders import TIFFIN
from benchmarks.serving.models import batches, ensure_models, folder_of
from benchmarks.serving.servers import Cores, Server, running
from benchmarks.serving.wires import WIRES

CORES = Cores.of_this_machine()
_PREDICT = WIRES["predict"]


@dataclass(frozen=True)
class ExampleServer:
    """A running server, pinned to the first processor."""

    server: Server
    bodies: list[bytes]
    """For POST /predict."""

    @property
    def port(self) -> int:
        """Where it answers, on 127.0.0.1."""
        return self.server.job.port

    @property
    def url(self) -> str:
        """The same as a URL."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def headers(self) -> dict[str, str]:
        """The key that it wants."""
        return dict(self.server.contender.headers)


@contextmanager
def example_server(model: str = "credit-risk") -> Iterator[ExampleServer]:
    """Train the model where it is missing, serve it, and leave nothing running."""
    ensure_models([model])
    asked = batches(folder_of(model), 1)
    with tempfile.TemporaryDirectory(prefix="tiffin-example-") as scratch:
        place = Path(scratch) / "server"
        with running(TIFFIN[0], folder_of(model), place, CORES, asked[0]) as server:
            messages = (server.message(_PREDICT, batch) for batch in asked)
            yield ExampleServer(server, [message.body for message in messages])
