"""Trees and sums of trees, by SHAP's TreeExplainer.

Source: Lundberg, Erion, Lee, "Consistent Individualized Feature Attribution for Tree Ensembles",
arXiv:1802.03888: exact, in polynomial time, and without a background sample.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from serving.runtime.engines.table import TableMaker
from serving.runtime.explanations.attribution import Attribution, Way, total
from serving.runtime.explanations.sources import sources_of
from serving.runtime.explanations.terms import Term
from serving.runtime.signature import InputSignature


def tree_way(terms: list[Term], table: TableMaker, signature: InputSignature) -> Way:
    """Return the way; raises what shows that a model has no trees that SHAP can read."""
    parts = [_TreeTerm(term, signature) for term in terms]
    return lambda rows: total([part.attribution(table(rows)) for part in parts])


class _TreeTerm:
    def __init__(self, term: Term, signature: InputSignature) -> None:
        from shap import TreeExplainer  # type: ignore[import-untyped]

        self._term = term
        self._columns = len(signature.names)
        self._sources = sources_of(term.before, signature.names)
        self._explainer = TreeExplainer(term.model)

    def attribution(self, table: Any) -> Attribution:
        encoded = self._term.encoded(table)
        shares = np.asarray(self._explainer.shap_values(encoded, check_additivity=False))
        if shares.ndim == 2:
            shares = shares[:, :, None]
        base = np.atleast_1d(np.asarray(self._explainer.expected_value, dtype=float))
        summed = Attribution(base, shares).by_column(self._sources, self._columns)
        return summed.times(self._term.factor)
