"""What a peer is told when it is started: which model, by which engine, on which port."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Job:
    """One server to run; `environment()` hands it over and `Job.read()` takes it."""

    folder: Path
    """Where the model's files lie, as `train_models` wrote them."""
    engine: str
    """`sklearn` or `onnx`."""
    is_tuned: bool
    """Whether to batch and to leave out logs, as the peer's own documents advise."""
    port: int
    grpc_port: int = 0

    @classmethod
    @cache
    def read(cls) -> Job:
        """Read the job of this process."""
        return cls(
            folder=Path(os.environ["BENCH_MODEL"]),
            engine=os.environ["BENCH_ENGINE"],
            is_tuned=os.environ["BENCH_TUNED"] == "1",
            port=int(os.environ["BENCH_PORT"]),
            grpc_port=int(os.environ["BENCH_GRPC_PORT"]),
        )

    def environment(self) -> dict[str, str]:
        """Return the variables that `read` reads."""
        return {
            "BENCH_MODEL": str(self.folder),
            "BENCH_ENGINE": self.engine,
            "BENCH_TUNED": "1" if self.is_tuned else "0",
            "BENCH_PORT": str(self.port),
            "BENCH_GRPC_PORT": str(self.grpc_port),
        }

    @property
    def about(self) -> dict[str, Any]:
        """What the model is: `name`, `kind`, `columns` (empty for a matrix), `half_width`."""
        return dict(json.loads((self.folder / "about.json").read_text(encoding="utf-8")))

    @property
    def is_named(self) -> bool:
        """Whether rows have named columns, some of them texts."""
        return bool(self.about["columns"])
