"""Which original column each encoded one was made of.

scikit-learn names the columns that a transformer makes after those it reads. Asked with names
that occur nowhere else, it tells which one that is. Where a column is made of several, nobody
can say whose share it has, and the explanation goes another way.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from serving.models.rows import RowsAsDicts

_MARKER = re.compile("⟦([0-9]+)⟧")


class UnclearSourceError(LookupError):
    """An encoded column is made of several original ones, or nobody knows of which."""


def sources_of(before: Any | None, names: Sequence[str]) -> np.ndarray:
    """Return the place of the original column for each encoded one.

    Raises UnclearSourceError, or what a transformer raises that names no columns.
    """
    return _after(before, np.arange(len(names)), names)


def _after(transformer: Any, read: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """Return the sources of what a transformer makes of columns with the sources `read`."""
    if transformer is None or transformer == "passthrough" or isinstance(transformer, RowsAsDicts):
        return read
    if hasattr(transformer, "steps"):
        for _, step in transformer.steps:
            read = _after(step, read, names)
        return read
    if hasattr(transformer, "output_indices_"):
        return _after_columns(transformer, read, names)
    if hasattr(transformer, "vocabulary_") and hasattr(transformer, "separator"):
        return _after_dictionaries(transformer, names)
    return _after_one(transformer, read)


def _after_columns(transformer: Any, read: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """A ColumnTransformer: each part by itself."""
    made = np.full(sum(_length(place) for place in transformer.output_indices_.values()), -1)
    for name, part, columns in transformer.transformers_:
        place = transformer.output_indices_[name]
        if _length(place):
            made[place] = _after(part, read[_places(transformer, columns)], names)
    if (made < 0).any():
        raise UnclearSourceError("a column that nobody made")
    return made


def _length(place: slice) -> int:
    return int(place.stop - place.start)


def _places(transformer: Any, columns: Any) -> Any:
    """Return where columns are that are told by name, by place or by a mask."""
    if isinstance(columns, str):
        columns = [columns]
    if not isinstance(columns, slice) and len(columns) and isinstance(columns[0], str):
        known = transformer.feature_names_in_.tolist()
        return [known.index(column) for column in columns]
    return [columns] if isinstance(columns, int) else columns


def _after_dictionaries(vectorizer: Any, names: Sequence[str]) -> np.ndarray:
    """A DictVectorizer: numbers keep their name, texts have `name=text`."""
    return np.array([_of_entry(name, names, vectorizer.separator) for name in _entries(vectorizer)])


def _entries(vectorizer: Any) -> list[str]:
    return list(vectorizer.feature_names_)


def _of_entry(entry: str, names: Sequence[str], separator: str) -> int:
    fitting = [
        place
        for place, name in enumerate(names)
        if entry == name or entry.startswith(f"{name}{separator}")
    ]
    return _only(fitting, entry)


def _after_one(transformer: Any, read: np.ndarray) -> np.ndarray:
    """Any other transformer, by the names that it gives."""
    nameless = copy.copy(transformer)
    if hasattr(nameless, "feature_names_in_"):
        del nameless.feature_names_in_  # or it would take no other names than those
    made = nameless.get_feature_names_out([f"⟦{place}⟧" for place in range(len(read))])
    return read[[_only(list(map(int, _MARKER.findall(name))), name) for name in made]]


def _only(fitting: Sequence[int], name: str) -> int:
    if len(fitting) != 1:
        raise UnclearSourceError(f"{name} is made of {len(fitting)} columns")
    return fitting[0]
