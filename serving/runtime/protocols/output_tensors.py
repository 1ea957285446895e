"""Outputs of a model as tensors of the Open Inference Protocol, for REST and gRPC alike."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from serving.runtime.bad_input import BadInputError
from serving.runtime.engines.engine import Outputs

_LENGTH = struct.Struct("<I")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which outputs a request wants, in which form, and the id that its answer repeats."""

    id: str | None = None
    names: tuple[str, ...] = ()
    """Empty: all that the model has."""
    raw: bool = False
    """Send elements as raw bytes, unless `raw_by_name` says otherwise for an output."""
    raw_by_name: Mapping[str, bool] = field(default_factory=dict)

    def raw_for(self, name: str) -> bool:
        """Whether this output goes out as raw bytes."""
        return self.raw_by_name.get(name, self.raw)


class OutputTensor(NamedTuple):
    """One output, its elements in the layout of its datatype."""

    name: str
    datatype: str
    elements: np.ndarray

    @property
    def shape(self) -> list[int]:
        """The rows, and what belongs to each."""
        return list(self.elements.shape)

    @property
    def flat(self) -> np.ndarray:
        """All elements in row-major order."""
        return self.elements.reshape(-1)

    def raw(self) -> bytes:
        """The elements as raw bytes, each text after its length."""
        if self.datatype == "BYTES":
            return b"".join(_framed(str(text)) for text in self.flat)
        return self.elements.tobytes()


def _framed(text: str) -> bytes:
    encoded = text.encode("utf-8")
    return _LENGTH.pack(len(encoded)) + encoded


def output_tensors(outputs: Outputs, wanted: Wanted) -> list[OutputTensor]:
    """Return the wanted outputs; raise BadInputError for one that this model doesn't have."""
    for index, name in enumerate(wanted.names):
        if name not in outputs:
            words = f"this model answers {', '.join(outputs)}, not {name[:80]}"
            raise BadInputError(f"outputs[{index}].name", words)
    return [_tensor(name, outputs[name]) for name in wanted.names or outputs]


def _tensor(name: str, values: np.ndarray) -> OutputTensor:
    datatype, dtype = _LAYOUT.get(values.dtype.kind, _TEXT)
    return OutputTensor(name, datatype, values if values.dtype == dtype else values.astype(dtype))


_TEXT: tuple[str, Any] = ("BYTES", object)
_LAYOUT: dict[str, tuple[str, Any]] = {
    "f": ("FP64", np.dtype("<f8")),
    "i": ("INT64", np.dtype("<i8")),
    "u": ("INT64", np.dtype("<i8")),
    "b": ("BOOL", np.dtype("?")),
}
