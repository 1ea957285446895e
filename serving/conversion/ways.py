"""The ways to translate a model, from the most exact one on."""

from __future__ import annotations

from enum import StrEnum

from serving.runtime.signature import InputSignature


class Way(StrEnum):
    """How what we can't say ourselves is translated."""

    OWN = "own"
    """Not at all."""
    DOUBLE = "skl2onnx, exact where it can be"
    SINGLE = "skl2onnx in float32"
    COLUMNS = "skl2onnx, the encoder too"


def ways_for(signature: InputSignature) -> tuple[Way, ...]:
    """Return the ways that can be tried, the most exact one first."""
    ways = tuple(Way)
    return ways if signature.named else ways[: ways.index(Way.COLUMNS)]
