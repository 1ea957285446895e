"""The shares that columns have in a model's outputs, before anyone says what the outputs mean."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce

import numpy as np

from serving.runtime.rows import Rows


@dataclass(frozen=True, slots=True)
class Attribution:
    """For each row and output: the base and the shares add up to what the model answers."""

    base: np.ndarray
    """Shape (outputs,)."""
    shares: np.ndarray
    """Shape (rows, columns, outputs)."""

    def plus(self, other: Attribution) -> Attribution:
        """Return the attribution of the sum of both models."""
        return Attribution(self.base + other.base, self.shares + other.shares)

    def times(self, factor: float) -> Attribution:
        """Return the attribution of a multiple of the model."""
        return Attribution(self.base * factor, self.shares * factor)

    def by_column(self, sources: np.ndarray, columns: int) -> Attribution:
        """Sum the shares of encoded columns; `sources` has the original column of each."""
        belongs = np.eye(columns)[sources]
        return Attribution(self.base, np.einsum("reo,ec->rco", self.shares, belongs))


Way = Callable[[Rows], Attribution]
"""A way to explain one model; whatever it raises means that it isn't the right one."""


def total(parts: list[Attribution]) -> Attribution:
    """Add them all up."""
    return reduce(Attribution.plus, parts)
