"""The rows that a translation is held against: real ones, and invented ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from serving.conversion.answers import Answer, answers_one_by_one, answers_to
from serving.conversion.invented_rows import rows_with_odd_numbers, rows_with_unknown_texts
from serving.conversion.parity import Parity, Rules, differences
from serving.runtime.engines.engine import Engine
from serving.runtime.signature import InputSignature

_MOST_ROWS = 50_000
_MOST_ROWS_ALONE = 1_000


@dataclass(frozen=True, slots=True)
class Sample:
    """Rows of one origin, and what the original answers to them."""

    origin: str
    cells: Sequence[list[Any]]
    expected: Sequence[Answer]
    may_refuse: bool = False
    """Whether it is all right to refuse what the original answers."""


def samples_of(
    native: Engine, signature: InputSignature, cells: Sequence[list[Any]]
) -> tuple[Sample, ...]:
    """Ask the original about real rows, and about rows made from them; the real ones come first."""
    cells = cells[:_MOST_ROWS]
    texts = rows_with_unknown_texts(signature, cells)
    numbers = rows_with_odd_numbers(signature, cells)
    return (
        Sample("evaluation rows", cells, answers_to(native, cells)),
        Sample("rows with unknown texts", texts, answers_to(native, texts)),
        Sample("rows with odd numbers", numbers, answers_to(native, numbers), may_refuse=True),
    )


def compared(engine: Engine, sample: Sample, *, labels: bool, tolerance: float) -> Parity:
    """Ask the translation about all rows together, and about the first of them one by one.

    One row takes another way through ONNX Runtime than many do; the answer that is further off
    counts.
    """
    rules = Rules(labels=labels, may_refuse=sample.may_refuse)
    alone = answers_one_by_one(engine, sample.cells[:_MOST_ROWS_ALONE])
    apart = differences(sample.expected[: len(alone)], alone, rules)
    together = differences(sample.expected, answers_to(engine, sample.cells), rules)
    worse = [max(pair) for pair in zip(together, apart, strict=False)] + together[len(apart) :]
    answered = sum(answer is not None for answer in sample.expected)
    return Parity.of(worse, answered, tolerance)
