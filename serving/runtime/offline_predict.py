"""Predicts a whole CSV file with a model: `python -m serving.runtime.offline_predict`.

Validation runs it in a process of its own, so that a model that hangs or eats all memory hurts
nobody. The answers it writes are also the golden ones that a started candidate must repeat; they
are always the native model's, whatever engine the candidate has.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from serving.runtime.bad_input import BadInputError
from serving.runtime.columns import Column
from serving.runtime.engines.native import NativeEngine
from serving.runtime.identity import ModelKind
from serving.runtime.model_files import LoadedModel, load_model
from serving.runtime.outputs import checked_outputs
from serving.runtime.rows import Rows
from serving.runtime.signature import InputSignature

GOLDEN_ROWS = 5
"""How many rows are written with their features, for the smoke test to post again."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Predict and write; running twice writes the same file. Return 2 for data it can't read."""
    asked = _parser().parse_args(arguments)
    try:
        model = load_model(asked.artifact)
        if asked.target in model.signature.names:
            raise ValueError(f"the model reads {asked.target}, the column that it has to predict")
        result = predict_file(model, ModelKind(asked.kind), asked.data)
    except (BadInputError, ValueError) as refused:
        print(refused, file=sys.stderr)
        return 2
    _write(result, asked.out)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("artifact", type=Path, help="folder with the MLmodel file")
    parser.add_argument("data", type=Path, help="CSV file with a header")
    parser.add_argument("out", type=Path, help="JSON file to write")
    parser.add_argument("--kind", choices=[kind.value for kind in ModelKind], required=True)
    parser.add_argument("--target", help="the column with the truth, which the model can't see")
    return parser


def predict_file(model: LoadedModel, kind: ModelKind, data: Path) -> dict[str, Any]:
    """Return the answer for all rows, and `golden`: a few rows with their own answer."""
    engine = NativeEngine(model, kind)
    rows = read_rows(data, model.signature)
    golden = rows.part(0, GOLDEN_ROWS)
    return {
        "kind": kind.value,
        "rows": rows.count,
        **_answer(engine, kind, rows),
        "golden": {"features": golden.cells, "answer": _answer(engine, kind, golden)},
    }


def _answer(engine: NativeEngine, kind: ModelKind, rows: Rows) -> dict[str, Any]:
    """Return what /predict says about these rows, but for the model's name and version."""
    outputs = checked_outputs(engine.outputs(rows), rows.count)
    answer: dict[str, Any] = {name: values.tolist() for name, values in outputs.items()}
    if kind is ModelKind.CLASSIFICATION:
        answer["classes"] = engine.classes
    if kind is ModelKind.CAUSAL:
        answer["effects"] = answer["predictions"]
        answer["average_effect"] = float(outputs["predictions"].mean())
    return answer


def read_rows(data: Path, signature: InputSignature) -> Rows:
    """Read the signature's columns of a CSV file; other columns, the truth's too, are left out."""
    with data.open(newline="", encoding="utf-8") as stream:
        reader = csv.DictReader(stream)
        missing = [name for name in signature.names if name not in (reader.fieldnames or ())]
        if missing:
            raise ValueError(f"{data} lacks the columns {', '.join(missing)}")
        rows = [
            [_parse(column, row[column.name]) for column in signature.columns] for row in reader
        ]
    return signature.checked(rows, data.name)


def _parse(column: Column, text: str) -> object:
    """Read a cell; what is no value of the column's type is left for the signature to refuse."""
    try:
        if column.type.dtype == "int64":
            return int(text) if text.lstrip("+-").isdigit() else float(text)
        if column.type.dtype == "float64":
            return float(text)
    except ValueError:
        return text
    if column.type.dtype == "bool":
        return {"true": True, "1": True, "false": False, "0": False}.get(text.lower(), text)
    return text


def _write(result: dict[str, Any], out: Path) -> None:
    draft = out.with_name(f".{out.name}.{os.getpid()}")
    with draft.open("w", encoding="utf-8") as stream:
        json.dump(result, stream, allow_nan=False)
        stream.flush()
        os.fsync(stream.fileno())
    draft.replace(out)


if __name__ == "__main__":
    sys.exit(main())
