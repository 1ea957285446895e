"""Asks fitted encoders what they make of every value they know.

Nothing of an encoder's options is read. The first level dropped, rare ones merged, unknown ones
ignored or refused: all of it shows in the answers.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

import numpy as np
from sklearn.feature_extraction import DictVectorizer
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, TargetEncoder

from serving.conversion.untranslatable import UntranslatableError
from serving.runtime.engines.encoder import Lookup, Numbers
from serving.runtime.signature import InputSignature

ENCODERS = (OneHotEncoder, OrdinalEncoder, TargetEncoder)
"""Encoders in which each column is encoded by itself."""

_UNSEEN_TEXT = "\0 a text that no model was trained on"


@dataclass(frozen=True, slots=True)
class Part:
    """Encoded columns that stem from one cell: the number itself, or a lookup's numbers."""

    cell: int
    width: int = 1
    lookup: Lookup | None = None


def looked_up(signature: InputSignature, encoder: Any, cells: Sequence[int]) -> list[Part]:
    """Return what stems from each of these cells."""
    categories = [known.tolist() for known in encoder.categories_]
    if any(value is None or value != value for known in categories for value in known):
        raise UntranslatableError("a category is missing (null or NaN), which no row can have")
    encoded = _answers(encoder, categories)
    start, parts = 0, []
    for place, (cell, known) in enumerate(zip(cells, categories, strict=True)):
        width = _width(encoder, place)
        block = slice(start, start + width)
        numbers = [(value, tuple(encoded[row, block].tolist())) for row, value in enumerate(known)]
        unknown = _answer_for_unknown(encoder, categories, place)
        lookup = Lookup(
            cell=cell,
            name=signature.columns[cell].name,
            known=tuple(numbers),
            unknown=None if unknown is None else tuple(unknown[block].tolist()),
        )
        parts.append(Part(cell, width, lookup))
        start += width
    if start != encoded.shape[1]:
        raise UntranslatableError(f"{type(encoder).__name__} mixes its columns")
    return [part for part in parts if part.width]


def _width(encoder: Any, place: int) -> int:
    if isinstance(encoder, OrdinalEncoder):
        return 1
    if isinstance(encoder, TargetEncoder):
        return len(encoder.classes_) if encoder.target_type_ == "multiclass" else 1
    known = len(encoder.categories_[place])
    rare = getattr(encoder, "infrequent_categories_", None)
    if rare is not None and rare[place] is not None:
        known -= len(rare[place]) - 1
    dropped = encoder.drop_idx_
    return known - int(dropped is not None and dropped[place] is not None)


def _answers(encoder: Any, categories: Sequence[list[Any]]) -> np.ndarray:
    """Return rows in which each column has its first category, its second, ... and again."""
    longest = max(len(known) for known in categories)
    table = [[known[row % len(known)] for known in categories] for row in range(longest)]
    return _transform(encoder, table)


def _answer_for_unknown(
    encoder: Any, categories: Sequence[list[Any]], place: int
) -> np.ndarray | None:
    """Return the row for a value that the encoder doesn't know, or None when it refuses."""
    row = [known[0] for known in categories]
    row[place] = _unseen(categories[place])
    try:
        return np.asarray(_transform(encoder, [row])[0])
    except ValueError:
        return None


def _unseen(known: list[Any]) -> Any:
    if isinstance(known[0], str):
        return _UNSEEN_TEXT
    return max(known) + 1


def _transform(encoder: Any, table: list[list[Any]]) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of unknown categories, which we ask about on purpose
        encoded = encoder.transform(_frame(encoder, table))
    dense = encoded.toarray() if hasattr(encoded, "toarray") else np.asarray(encoded)
    return np.asarray(dense, dtype=np.float64)


def _frame(encoder: Any, table: list[list[Any]]) -> Any:
    import pandas as pd

    names = getattr(encoder, "feature_names_in_", None)
    columns: Iterator[Any] = zip(*table, strict=True)
    frame = {
        (str(index) if names is None else names[index]): pd.Series(
            values, dtype="object" if isinstance(values[0], str) else None
        )
        for index, values in enumerate(columns)
    }
    made = pd.DataFrame(frame)
    return made if names is not None else made.to_numpy()


def vectorized(
    signature: InputSignature, vectorizer: DictVectorizer
) -> tuple[list[Part], np.ndarray]:
    """Return the parts column by column, and where the vectorizer has sorted them to."""
    parts, places = [], []
    for cell, column in enumerate(signature.columns):
        if column.type.dtype == "object":
            known = _texts_of(vectorizer, column.name)
            width = len(known)
            blocks = [(text, _one_hot(width, place)) for place, text in enumerate(known)]
            lookup = Lookup(cell, column.name, tuple(blocks), _zeros(width))
            parts.append(Part(cell, width, lookup))
            places += list(known.values())
        elif column.name in vectorizer.vocabulary_:
            parts.append(Part(cell))
            places.append(vectorizer.vocabulary_[column.name])
    if sorted(places) != list(range(len(vectorizer.vocabulary_))):
        raise UntranslatableError("the DictVectorizer knows columns that the signature lacks")
    return [part for part in parts if part.width], np.argsort(np.asarray(places))


def _texts_of(vectorizer: DictVectorizer, name: str) -> dict[str, int]:
    """Return the texts that the vectorizer knows in a column, and where it has put each."""
    prefix = f"{name}{vectorizer.separator}"
    places = sorted(vectorizer.vocabulary_.items(), key=itemgetter(1))
    return {
        feature.removeprefix(prefix): place
        for feature, place in places
        if feature.startswith(prefix)
    }


def _one_hot(width: int, place: int) -> Numbers:
    return tuple(float(index == place) for index in range(width))


def _zeros(width: int) -> Numbers:
    return (0.0,) * width
