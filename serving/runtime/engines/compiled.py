"""A compiled model on disk: the folder `tiffin-compiled/` beside the model that was logged.

`serving.conversion` writes it when a bento is built, and `OnnxEngine` reads it. The report is
there in any case, and says why there is no compiled model when there is none.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from serving.runtime.engines.encoder import Encoding

_FOLDER = "tiffin-compiled"


@dataclass(frozen=True, slots=True)
class CompiledFiles:
    """Where the parts of one artifact's compiled model are."""

    artifact: Path

    @property
    def folder(self) -> Path:
        """The folder with all of it."""
        return self.artifact / _FOLDER

    @property
    def graph(self) -> Path:
        """The ONNX model."""
        return self.folder / "model.onnx"

    @property
    def plan(self) -> Path:
        """What surrounds the ONNX model."""
        return self.folder / "plan.json"

    @property
    def interval(self) -> Path:
        """The interval around a plain regressor's predictions, compiled or not."""
        return self.folder / "interval.json"

    @property
    def report(self) -> Path:
        """What was compared, and which engine was chosen."""
        return self.folder / "report.json"


@dataclass(frozen=True, slots=True)
class Plan:
    """How cells become the graph's inputs, and what its outputs are."""

    encoding: Encoding
    outputs: tuple[str, ...]
    """What to ask the graph for; `index` is the position of a row's label among `classes`."""
    classes: tuple[Any, ...] | None

    def write(self, file: Path) -> None:
        """Write the plan; the same plan gives the same bytes."""
        file.write_text(json.dumps(asdict(self), sort_keys=True) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, file: Path) -> Plan:
        """Read a plan that `write` wrote."""
        fields = json.loads(file.read_text(encoding="utf-8"))
        classes = fields["classes"]
        return cls(
            encoding=Encoding.of(fields["encoding"]),
            outputs=tuple(fields["outputs"]),
            classes=None if classes is None else tuple(classes),
        )


def read_report(artifact: Path) -> Mapping[str, Any] | None:
    """Return the report on an artifact's conversion; None when none was tried."""
    file = CompiledFiles(artifact).report
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else None
