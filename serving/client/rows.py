"""The rows of a question, in the shapes that people have them in.

Lists of lists, lists of objects, a numpy array or a pandas DataFrame. Neither library is imported
here: whoever has such a value has imported it. What a row may hold is the server's to say, since
it knows the model's signature; refused here is only what can't be written down.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from serving.client.tensors import Tensor, UnsendableError, in_native_order, tensor_of


class Table(Protocol):
    """Rows that can be written as JSON, and as tensors."""

    @property
    def column_names(self) -> tuple[str, ...] | None:
        """The names of the columns, where all rows have the same."""
        ...

    def rows(self) -> Any:
        """Return the rows for JSON: a list of lists or objects, or an array."""
        ...

    def tensors(self) -> list[Tensor]:
        """Return one tensor [rows, columns], or one [rows, 1] for each named column.

        Raises UnsendableError for rows that are neither.
        """
        ...


def table_of(rows: Any) -> Table:
    """Return the rows as a table; raise UnsendableError for what are no rows."""
    if hasattr(rows, "iloc") and hasattr(rows, "columns"):
        return _frame(rows)
    if hasattr(rows, "__array_interface__"):
        return _Array(rows)
    if isinstance(rows, Sequence) and not isinstance(rows, (str, bytes)) and rows:
        return _Listed(rows)
    raise UnsendableError(
        "", "send a list of rows, each a list or an object, an array or a DataFrame"
    )


def _frame(frame: Any) -> Table:
    """Return a frame; one whose columns have numbers for names is a plain array."""
    if not len(frame):
        raise UnsendableError("", "the DataFrame has no rows")
    named = all(isinstance(name, str) for name in frame.columns)
    return _Frame(frame) if named else _Array(frame.to_numpy())


class _Listed:
    """Rows in a list, each a list or an object."""

    def __init__(self, rows: Sequence[Any]) -> None:
        self._rows = rows

    @property
    def column_names(self) -> tuple[str, ...] | None:
        if not all(isinstance(row, Mapping) for row in self._rows):
            return None
        names = tuple(self._rows[0])
        return names if all(row.keys() == set(names) for row in self._rows) else None

    def rows(self) -> Any:
        return self._rows

    def tensors(self) -> list[Tensor]:
        names = self.column_names
        if names is not None:
            return [self._column(name) for name in names]
        width = _width(self._rows)
        flat = [value for row in self._rows for value in row]
        return [tensor_of("input", flat, (len(self._rows), width))]

    def _column(self, name: str) -> Tensor:
        values = [row[name] for row in self._rows]
        return tensor_of(name, values, (len(values), 1))


def _width(rows: Sequence[Any]) -> int:
    widths = {-1 if isinstance(row, (Mapping, str)) else _length(row) for row in rows}
    if len(widths) != 1 or -1 in widths:
        words = "all rows must be lists of one length, or objects with the same columns"
        raise UnsendableError("", words)
    return widths.pop()


def _length(row: Any) -> int:
    return len(row) if hasattr(row, "__len__") else -1


class _Array:
    """A numpy array [rows, columns]."""

    column_names = None

    def __init__(self, array: Any) -> None:
        if array.ndim != 2 or not array.shape[0]:
            words = f"the array must be [rows, columns], not {list(array.shape)}"
            raise UnsendableError("", words)
        self._array = in_native_order(array)

    def rows(self) -> Any:
        return self._array

    def tensors(self) -> list[Tensor]:
        return [tensor_of("input", self._array.reshape(-1), self._array.shape)]


class _Frame:
    """A pandas DataFrame with named columns."""

    def __init__(self, frame: Any) -> None:
        self._frame = frame

    @property
    def column_names(self) -> tuple[str, ...]:
        return tuple(self._frame.columns)

    def rows(self) -> Any:
        return self._frame.to_dict("records")

    def tensors(self) -> list[Tensor]:
        shape = (len(self._frame), 1)
        columns = ((name, self._frame[name].to_numpy()) for name in self._frame.columns)
        return [tensor_of(name, values, shape) for name, values in columns]
