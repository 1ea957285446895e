"""Rows of a CSV body, with the names of the columns in its first line."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from serving.runtime.bad_input import BadInputError
from serving.runtime.rows import Rows
from serving.runtime.signature import InputSignature

_WHOLE = re.compile(r"\s*[+-]?[0-9]{1,30}\s*")
_NUMBER = re.compile(r"\s*[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?\s*")
_TRUTHS = {"true": True, "1": True, "false": False, "0": False}


def rows_of_csv(body: bytes, signature: InputSignature) -> Rows:
    """Return the columns that the model reads of all lines; others are left out.

    A cell that is no value of its column's type stays a text, which the signature then refuses.
    """
    header, *lines = _lines(body)
    columns = _columns(header, signature)
    readers = [_READERS[column.type.dtype] for column in signature.columns]
    cells = [[read(line[at]) for read, at in zip(readers, columns, strict=True)] for line in lines]
    return signature.checked(cells, "csv")


def _lines(body: bytes) -> list[list[str]]:
    try:
        text = body.decode("utf-8-sig")
        lines = [line for line in csv.reader(io.StringIO(text, newline="")) if line]
    except UnicodeDecodeError as error:
        raise BadInputError("", f"the body is not UTF-8 (byte {error.start})") from None
    except csv.Error as error:
        raise BadInputError("csv", f"the body is no CSV: {error}") from None
    if not lines:
        raise BadInputError("csv", "send a first line with the names of the columns")
    for index, line in enumerate(lines[1:]):
        if len(line) != len(lines[0]):
            words = f"{len(line)} cells, but the first line names {len(lines[0])} columns"
            raise BadInputError(f"csv[{index}]", words)
    return lines


def _columns(header: Sequence[str], signature: InputSignature) -> Sequence[int]:
    """Return where each column of the signature is; a plain array's columns have no names."""
    if not signature.named:
        if len(header) != len(signature.names):
            words = f"the model reads {len(signature.names)} columns, not {len(header)}"
            raise BadInputError("csv", words)
        return range(len(header))
    for name in signature.names:
        if name not in header:
            raise BadInputError(f"csv.{name}", "this column is missing")
    return [header.index(name) for name in signature.names]


def _whole(text: str) -> object:
    return int(text) if _WHOLE.fullmatch(text) else _number(text)


def _number(text: str) -> object:
    return float(text) if _NUMBER.fullmatch(text) else text


def _truth(text: str) -> object:
    return _TRUTHS.get(text.strip().lower(), text)


_READERS: Mapping[str, Callable[[str], Any]] = {
    "float64": _number,
    "int64": _whole,
    "bool": _truth,
    "object": str,
}
