"""The report on a conversion, as a value and as the JSON that a bento carries."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from serving.conversion.parity import Parity

_NO_DIFFERENCE = 1e-12
_PACKAGES = (
    "scikit-learn",
    "numpy",
    "onnx",
    "onnxruntime",
    "skl2onnx",
    "onnxmltools",
    "xgboost-cpu",
    "lightgbm",
)


@dataclass(frozen=True, slots=True)
class Compared:
    """Rows of one origin, and how the two models agreed on them."""

    rows: int
    answered: int
    disagreeing: int
    worst_difference: float | None
    """Rounded up to a power of ten from 1e-12 on, since another processor may add in another order;
    None where labels differ, or where only one of the two answers."""

    @classmethod
    def of(cls, parity: Parity) -> Compared:
        """Return what is reported of a comparison."""
        worst = rounded_up(parity.worst)
        return cls(parity.rows, parity.answered, parity.disagreeing, worst)


@dataclass(frozen=True, slots=True)
class Report:
    """Which engine was chosen, and why. The same inputs give the same report."""

    engine: str
    """`onnxruntime` or `native`."""
    reason: str
    """One sentence."""
    tolerance: float
    compared: Mapping[str, Compared]
    """By origin of the rows, for the translation that was chosen or came closest."""
    versions: Mapping[str, str]
    precision: str | None = None
    """What a compiled model computes in."""
    interval: str | None = None
    """Regression: where the interval comes from, or why there is none."""

    @classmethod
    def of(
        cls,
        engine: str,
        reason: str,
        tolerance: float,
        parities: Mapping[str, Parity],
        precision: str | None = None,
    ) -> Report:
        """Return the report on a choice that was just made, by the packages that are installed."""
        compared = {origin: Compared.of(parity) for origin, parity in parities.items()}
        return cls(engine, reason, tolerance, compared, _versions(), precision)

    def write(self, file: Path) -> None:
        """Write the report; the same report gives the same bytes."""
        text = json.dumps(asdict(self), indent=2, sort_keys=True, allow_nan=False)
        file.write_text(text + "\n", encoding="utf-8")


def rounded_up(difference: float) -> float | None:
    """Return the next power of ten, at least 1e-12; None for a difference that has no size."""
    if not math.isfinite(difference):
        return None
    return float(f"1e{math.ceil(math.log10(max(difference, _NO_DIFFERENCE)))}")


def _versions() -> dict[str, str]:
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:  # only models of that kind need it
            continue
    return found
