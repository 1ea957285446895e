"""Completes an exported network: `python -m tiffin.registration.onnx_finishing FOLDER KIND`.

A network that answers scores of several classes gets the softmax that its loss function had; then
ONNX Runtime has to answer every row of the sample as torch did. It reads `exported.onnx`,
`rows.npy` and `answers.npy`, and writes `model.onnx` and `finished.json`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

_TOLERANCE = 1e-4
"""Of float32 networks, relative to the answers; the order of additions is the framework's own."""


def main(folder: Path, kind: str) -> None:
    """Complete, compare and write; end with one sentence when they disagree."""
    import onnx

    model = onnx.load(str(folder / "exported.onnx"))
    rows, answers = np.load(folder / "rows.npy"), np.load(folder / "answers.npy")
    needs_softmax = kind != "regression" and are_scores(answers)
    if needs_softmax:
        add_softmax(model)
        answers = _softmax(answers)
    onnx.save(model, str(folder / "model.onnx"))
    worst = _worst(_asked(folder / "model.onnx", rows), answers)
    if not worst <= _TOLERANCE:
        sys.exit(f"the exported network answers otherwise than torch, by up to {worst:.2g}")
    said = {"softmax": needs_softmax, "worst": worst, "rows": len(rows)}
    (folder / "finished.json").write_text(json.dumps(said), encoding="utf-8")


def are_scores(answers: Any) -> bool:
    """Whether these are several numbers for each row that are no probabilities."""
    if answers.ndim != 2 or answers.shape[1] < 2:
        return False
    adds_up = np.allclose(answers.sum(axis=1), 1, atol=1e-3)
    return not (adds_up and (answers >= 0).all() and (answers <= 1).all())


def add_softmax(model: Any) -> None:
    """Put a softmax behind the only output, which keeps its name."""
    import onnx

    output = model.graph.output[0].name
    scores = f"{output}_scores"
    for node in model.graph.node:
        node.output[:] = [scores if name == output else name for name in node.output]
        node.input[:] = [scores if name == output else name for name in node.input]
    model.graph.node.append(onnx.helper.make_node("Softmax", [scores], [output], axis=1))


def _softmax(scores: Any) -> Any:
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def _asked(file: Path, rows: Any) -> Any:
    import onnxruntime

    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: rows})[0]


def _worst(found: Any, answers: Any) -> float:
    if found.shape != answers.shape:
        return float("inf")
    return float((np.abs(found - answers) / np.maximum(np.abs(answers), 1)).max())


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
