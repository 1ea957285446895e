"""The interval around a plain regressor's predictions, which its bento brings along.

`serving.conversion.calibration` measures it on evaluation rows when a bento is built; here it is
put around whatever the engine predicts, native or compiled.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from serving.runtime.engines.compiled import CompiledFiles
from serving.runtime.engines.engine import Engine, Outputs
from serving.runtime.rows import Rows


@dataclass(frozen=True, slots=True)
class Interval:
    """How far the truth is from the prediction at most, for the share `coverage` of rows."""

    half_width: float
    """In the unit of the predictions."""
    coverage: float
    rows: int
    """How many evaluation rows it was measured on."""

    def write(self, file: Path) -> None:
        """Write the interval; the same interval gives the same bytes."""
        file.write_text(json.dumps(asdict(self), sort_keys=True) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, file: Path) -> Interval:
        """Read an interval that `write` wrote."""
        return cls(**json.loads(file.read_text(encoding="utf-8")))


class EngineWithInterval:
    """An engine of numbers, with the same interval around each of them."""

    def __init__(self, engine: Engine, interval: Interval) -> None:
        self.name = engine.name
        self.classes = engine.classes
        self.output_names = (*engine.output_names, "intervals")
        self._engine = engine
        self._around = np.array([-interval.half_width, interval.half_width])

    def outputs(self, rows: Rows) -> Outputs:
        """Answer all rows; whatever the engine raises passes through."""
        outputs = self._engine.outputs(rows)
        outputs["intervals"] = np.add.outer(outputs["predictions"], self._around)
        return outputs


def with_interval(engine: Engine, artifact: Path) -> Engine:
    """Return the engine, with the interval that lies beside the artifact, if there is one."""
    file = CompiledFiles(artifact).interval
    return EngineWithInterval(engine, Interval.read(file)) if file.is_file() else engine
