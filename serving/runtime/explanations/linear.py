"""Linear models, exactly: what a column's distance from its mean adds to the answer."""

from __future__ import annotations

from typing import Any

import numpy as np

from serving.runtime.engines.table import TableMaker
from serving.runtime.explanations.attribution import Attribution, Way, total
from serving.runtime.explanations.sources import sources_of
from serving.runtime.explanations.terms import Term
from serving.runtime.rows import Rows
from serving.runtime.signature import InputSignature


def linear_way(
    terms: list[Term], background: Rows, table: TableMaker, signature: InputSignature
) -> Way:
    """Return the way; the base is the answer to the mean of the background.

    Raises what shows that a model isn't linear, or that its columns can't be told apart.
    """
    parts = [_LinearTerm(term, table(background), signature) for term in terms]
    return lambda rows: total([part.attribution(table(rows)) for part in parts])


class _LinearTerm:
    def __init__(self, term: Term, background: Any, signature: InputSignature) -> None:
        self._term = term
        self._columns = len(signature.names)
        self._sources = sources_of(term.before, signature.names)
        self._mean = term.encoded(background).mean(axis=0)
        self._weights = np.atleast_2d(np.asarray(term.model.coef_, dtype=float)).T
        self._base = np.atleast_1d(term.model.intercept_) + self._mean @ self._weights

    def attribution(self, table: Any) -> Attribution:
        apart = self._term.encoded(table) - self._mean
        shares = Attribution(self._base, apart[:, :, None] * self._weights)
        return shares.by_column(self._sources, self._columns).times(self._term.factor)
