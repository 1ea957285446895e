"""Rows as dictionaries: the step that lets a DictVectorizer read a table."""

from __future__ import annotations

from typing import Any

from sklearn.base import BaseEstimator, TransformerMixin


class RowsAsDicts(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Turn a table with named columns into one dictionary per row; has nothing to learn.

    A DictVectorizer behind it one-hot encodes the texts and passes the numbers through, and
    ignores a text it has never seen.
    """

    def fit(self, table: Any, outcome: Any = None) -> RowsAsDicts:
        """Learn nothing, and return itself."""
        return self

    def transform(self, table: Any) -> list[dict[str, Any]]:
        """Return the rows of a DataFrame as dictionaries."""
        rows: list[dict[str, Any]] = table.to_dict(orient="records")
        return rows

    def __sklearn_is_fitted__(self) -> bool:
        return True
