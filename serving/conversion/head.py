"""Finds the encoder at the head of a fitted pipeline.

What comes out is an `Encoding`, in which a server looks every text up, and the numeric steps that
are left for the graph.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction import DictVectorizer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline

from serving.conversion.lookups import ENCODERS, Part, looked_up, vectorized
from serving.conversion.untranslatable import UntranslatableError
from serving.models.rows import RowsAsDicts
from serving.runtime.engines.encoder import Encoding, Form
from serving.runtime.signature import InputSignature

_MOST_NUMBERS = 1_000_000
"""In all lookups together; beyond it they'd cost a server more memory than they save."""


@dataclass(frozen=True, slots=True)
class Branch:
    """Columns of the encoded table that have numeric steps of their own."""

    width: int
    steps: tuple[Any, ...] = ()
    sparse: bool = False


@dataclass(frozen=True, slots=True)
class Head:
    """How the cells become the table that the rest of the pipeline reads."""

    encoding: Encoding
    order: np.ndarray
    """Which of the encoding's columns comes first, second, ... in the table."""
    branches: tuple[Branch, ...]
    """What happens to the table's columns before the rest, from the first column on."""
    sparse: bool
    rest: tuple[Any, ...]
    """The pipeline's remaining steps, the predictor last."""


def head_of(signature: InputSignature, steps: Sequence[Any]) -> Head:
    """Split a fitted pipeline's steps; UntranslatableError for an encoder of an unknown kind."""
    first = steps[0]
    if isinstance(first, RowsAsDicts) and isinstance(steps[1], DictVectorizer):
        parts, order = vectorized(signature, steps[1])
        return _head(parts, [], bool(steps[1].sparse), steps[2:], order)
    if type(first) is ColumnTransformer:
        parts, branches = _transformed(signature, first)
        return _head(parts, branches, bool(first.sparse_output_), steps[1:])
    if isinstance(first, ENCODERS):
        parts = looked_up(signature, first, range(len(signature.columns)))
        return _head(parts, [], bool(getattr(first, "sparse_output", False)), steps[1:])
    return _numbers_only(signature, steps)


def _numbers_only(signature: InputSignature, steps: Sequence[Any]) -> Head:
    texts = [column.name for column in signature.columns if column.type.dtype == "object"]
    if texts:
        raise UntranslatableError(
            f"{type(steps[0]).__name__} reads texts ({', '.join(texts[:3])}) in a way of its own"
        )
    return _head([Part(cell) for cell in range(len(signature.columns))], [], False, steps)


def _head(
    parts: Sequence[Part],
    branches: Sequence[Branch],
    sparse: bool,
    rest: Sequence[Any],
    order: np.ndarray | None = None,
) -> Head:
    """Put the numbers first and the lookups behind them, and remember where each came from."""
    given = [*(part for part in parts if not part.lookup), *(part for part in parts if part.lookup)]
    numbers = tuple(part.cell for part in given if part.lookup is None)
    lookups = tuple(part.lookup for part in given if part.lookup is not None)
    if sum(len(lookup.known) * len(lookup.known[0][1]) for lookup in lookups) > _MOST_NUMBERS:
        raise UntranslatableError("the texts' encoder knows too many texts to look them up")
    form = Form.BLOCKS if lookups or numbers != tuple(range(len(parts))) else Form.MATRIX
    places = _places(parts, given)
    return Head(
        encoding=Encoding(form, numbers, lookups),
        order=places if order is None else places[order],
        branches=tuple(branches),
        sparse=sparse,
        rest=tuple(rest),
    )


def _places(wanted: Sequence[Part], given: Sequence[Part]) -> np.ndarray:
    starts, start = {}, 0
    for part in given:
        starts[id(part)] = start
        start += part.width
    return np.concatenate(
        [np.arange(part.width, dtype=np.int64) + starts[id(part)] for part in wanted]
    )


# ColumnTransformer


def _transformed(
    signature: InputSignature, transformer: ColumnTransformer
) -> tuple[list[Part], list[Branch]]:
    parts: list[Part] = []
    branches: list[Branch] = []
    for _name, branch, columns in transformer.transformers_:
        cells = _cells(signature, columns)
        if (isinstance(branch, str) and branch == "drop") or not cells:
            continue
        branch_parts, rest = _branch(signature, branch, cells)
        parts += branch_parts
        branches.append(rest)
    return parts, branches


def _cells(signature: InputSignature, columns: Any) -> list[int]:
    """Return positions in a row, for columns given as names, positions, a mask or a slice."""
    if isinstance(columns, (str, int)):
        raise UntranslatableError("a transformer reads a single column as a list of texts")
    if isinstance(columns, slice):
        columns = np.arange(len(signature.columns))[columns]
    chosen = np.asarray(columns)
    if chosen.dtype.kind == "b":
        return np.flatnonzero(chosen).tolist()
    return [signature.names.index(c) if isinstance(c, str) else int(c) for c in chosen.tolist()]


def _branch(signature: InputSignature, branch: Any, cells: list[int]) -> tuple[list[Part], Branch]:
    steps = _steps_of(branch)
    texts = any(signature.columns[cell].type.dtype == "object" for cell in cells)
    while texts and steps and _leaves_texts_alone(steps[0]):
        steps = steps[1:]
    if steps and isinstance(steps[0], ENCODERS):
        parts = looked_up(signature, steps[0], cells)
        sparse = bool(getattr(steps[0], "sparse_output", False))
        return parts, Branch(sum(part.width for part in parts), tuple(steps[1:]), sparse)
    if texts:
        raise UntranslatableError(f"{_said(branch)} reads texts in a way of its own")
    return [Part(cell) for cell in cells], Branch(len(cells), tuple(steps))


def _steps_of(branch: Any) -> list[Any]:
    if isinstance(branch, Pipeline):
        return [step for _name, step in branch.steps if not _is_passthrough(step)]
    return [] if _is_passthrough(branch) else [branch]


def _is_passthrough(step: Any) -> bool:
    return step is None or (isinstance(step, str) and step == "passthrough")


def _leaves_texts_alone(step: Any) -> bool:
    """Whether it is an imputer for missing texts: a row that was checked has none."""
    return (
        isinstance(step, SimpleImputer)
        and not step.add_indicator
        and not isinstance(step.missing_values, str)
    )


def _said(branch: Any) -> str:
    return "passthrough" if isinstance(branch, str) else type(branch).__name__
