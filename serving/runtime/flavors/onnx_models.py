"""An ONNX graph as an estimator: one class for each kind of outputs that graphs have."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from serving.runtime.rows import Rows

Feed = dict[str, np.ndarray]
TableOf = Callable[[Rows], Feed]


class OnnxModel:
    """A graph with one output of numbers: the predictions."""

    def __init__(self, session: Any, table_of: TableOf, output: str) -> None:
        self._session = session
        self.output = output
        """The graph's output that `predict` is made of."""
        self.file: Path | None = None
        """Where the graph is; None for one that is only in memory."""
        self.table_of = table_of
        """Makes of rows what `predict` reads, instead of a DataFrame."""

    def predict(self, feed: Feed) -> np.ndarray:
        """Return one number or label for each row."""
        return _flat(self._asked(self.output, feed))

    def _asked(self, output: str, feed: Feed) -> Any:
        return self._session.run([output], feed)[0]


class OnnxClassifier(OnnxModel):
    """A graph with labels, and with probabilities whose classes are known."""

    def __init__(
        self,
        session: Any,
        table_of: TableOf,
        output: str,
        probabilities: str,
        classes: list[Any],
    ) -> None:
        super().__init__(session, table_of, output)
        self._probabilities = probabilities
        self.classes_ = np.array(classes, dtype=object if isinstance(classes[0], str) else None)

    def predict(self, feed: Feed) -> np.ndarray:
        """Return the labels; ValueError for one that is none of the classes."""
        labels = super().predict(feed)
        if not set(labels.tolist()).issubset(self.classes_.tolist()):
            raise ValueError(
                "the model answers labels that it does not name; export it with zipmap"
            )
        return labels

    def predict_proba(self, feed: Feed) -> np.ndarray:
        """Return a probability for each row and class."""
        return _matrix(self._asked(self._probabilities, feed), self.classes_.tolist())


class OnnxProbabilities(OnnxModel):
    """A graph with probabilities only, of the classes 0, 1, 2, ..., as networks have them."""

    def __init__(self, session: Any, table_of: TableOf, output: str, count: int) -> None:
        super().__init__(session, table_of, output)
        self.classes_ = np.arange(count)

    def predict(self, feed: Feed) -> np.ndarray:
        """Return the most probable class of each row."""
        return np.asarray(np.argmax(self.predict_proba(feed), axis=1))

    def predict_proba(self, feed: Feed) -> np.ndarray:
        """Return a probability for each row and class."""
        return np.asarray(self._asked(self.output, feed))


def _matrix(values: Any, classes: list[Any]) -> np.ndarray:
    if isinstance(values, list):  # of a ZipMap: a dict for each row
        return np.array([[row[name] for name in classes] for row in values])
    return np.asarray(values)


def _flat(values: np.ndarray) -> np.ndarray:
    if values.ndim == 2 and values.shape[1] == 1:
        return values[:, 0]
    if values.ndim != 1:
        raise ValueError(f"the ONNX model answers {values.shape}; one value for each row is needed")
    return values
