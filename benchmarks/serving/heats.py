"""What is measured against what: a heat is one set of contenders on one set of models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import product

from benchmarks.serving.contenders import CONTENDERS, Contender, Role
from benchmarks.serving.models import MODELS

EVERYBODY = tuple(contender.name for contender in CONTENDERS)

Shape = tuple[int, int]
"""Rows in a request, and connections that ask at once."""


class Protocols(StrEnum):
    """Over which protocols contenders are asked."""

    USUAL = "usual"
    """The first that each has."""
    TIFFIN = "tiffin"
    """All that Tiffin has with compiled models, and the usual ones of the others."""
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Heat:
    """All of its contenders in all of its shapes, on each of its models, in alternating rounds."""

    models: tuple[str, ...]
    shapes: tuple[Shape, ...]
    contenders: tuple[str, ...] = EVERYBODY
    """Names of contenders, or of servers for all of their variants."""
    protocols: Protocols = Protocols.USUAL
    rounds: int = 2
    seconds: int = 2

    @property
    def rows(self) -> tuple[int, ...]:
        """The numbers of rows, each once."""
        return tuple(dict.fromkeys(rows for rows, _ in self.shapes))

    def concurrency(self, rows: int) -> tuple[int, ...]:
        """Return the numbers of connections for requests of so many rows."""
        return tuple(connections for given, connections in self.shapes if given == rows)

    def wires(self, contender: Contender) -> tuple[str, ...]:
        """Return the protocols that a contender is asked over."""
        is_ours = self.protocols is Protocols.TIFFIN and contender.name == "tiffin"
        if is_ours or self.protocols is Protocols.ALL:
            return contender.wires
        return contender.wires[:1]

    def chosen(self) -> list[Contender]:
        """Return the contenders; ValueError for a name that nobody has."""
        known = {c.name for c in CONTENDERS} | {c.server for c in CONTENDERS}
        unknown = sorted(set(self.contenders) - known)
        if unknown:
            raise ValueError(f"nobody is called {', '.join(unknown)}; there are {sorted(known)}")
        return [c for c in CONTENDERS if {c.name, c.server} & set(self.contenders)]


_BEST = tuple(
    contender.name
    for contender in CONTENDERS
    if contender.server != "ray"
    and (contender.is_tuned or contender.role is Role.TIFFIN or contender.name == "starlette-onnx")
)

FULL = (
    Heat(
        MODELS,
        tuple(product((1, 100), (1, 16, 64))),
        protocols=Protocols.ALL,
        rounds=3,
        seconds=3,
    ),
)
"""Everything; many hours."""

DEFAULT = (
    Heat(("forest",), ((1, 1), (1, 16), (1, 64), (100, 16)), protocols=Protocols.TIFFIN),
    Heat(("xgboost", "strings", "credit-risk"), ((1, 16), (100, 16)), _BEST, seconds=1),
)
"""What fits in twenty minutes; Ray Serve's long start is paid for the forest only."""

_QUICK = tuple(contender.name for contender in CONTENDERS if contender.server != "ray")

QUICK = (Heat(("forest",), ((1, 1), (1, 64)), _QUICK, rounds=1),)
"""What fits in four."""


def narrowed(
    heats: Sequence[Heat],
    *,
    rows: Sequence[int] | None,
    concurrency: Sequence[int] | None,
    **given: object,
) -> list[Heat]:
    """Return the heats with what somebody chose instead; heats that are the same then are one."""
    fields = {name: value for name, value in given.items() if value is not None}
    made = (
        replace(heat, shapes=_shapes(heat, rows, concurrency), **fields)  # type: ignore[arg-type]
        for heat in heats
    )
    return list(dict.fromkeys(made))


def _shapes(
    heat: Heat, rows: Sequence[int] | None, concurrency: Sequence[int] | None
) -> tuple[Shape, ...]:
    if rows is None and concurrency is None:
        return heat.shapes
    connections = concurrency or tuple(dict.fromkeys(c for _, c in heat.shapes))
    return tuple(product(rows or heat.rows, connections))
