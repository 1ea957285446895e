from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

from tiffin.registration.onnx_finishing import are_scores, main

ROWS = np.array([[1.0, 2.0], [3.0, -1.0]], dtype=np.float32)


def write_network(folder: Path, answers: np.ndarray) -> None:
    """Write a network that answers its input, and what torch is said to have answered."""
    number, helper = onnx.TensorProto.FLOAT, onnx.helper
    graph = helper.make_graph(
        [helper.make_node("Identity", ["rows"], ["answers"])],
        "network",
        [helper.make_tensor_value_info("rows", number, ["count", 2])],
        [helper.make_tensor_value_info("answers", number, ["count", 2])],
    )
    opset = [helper.make_opsetid("", 17)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=9)
    onnx.save(model, str(folder / "exported.onnx"))
    np.save(folder / "rows.npy", ROWS)
    np.save(folder / "answers.npy", answers)


def answers_of(file: Path) -> np.ndarray:
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    return session.run(None, {"rows": ROWS})[0]


def test_scores_of_several_classes_get_their_softmax(tmp_path: Path) -> None:
    write_network(tmp_path, ROWS)
    main(tmp_path, "unknown")
    expected = np.exp(ROWS) / np.exp(ROWS).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(answers_of(tmp_path / "model.onnx"), expected, rtol=1e-5)


def test_numbers_stay_as_they_are(tmp_path: Path) -> None:
    write_network(tmp_path, ROWS)
    main(tmp_path, "regression")
    np.testing.assert_array_equal(answers_of(tmp_path / "model.onnx"), ROWS)


def test_a_network_that_answers_otherwise_than_torch_is_refused(tmp_path: Path) -> None:
    write_network(tmp_path, ROWS + np.array([[0, 0], [0, 0.01]], dtype=np.float32))
    with pytest.raises(SystemExit, match=r"otherwise than torch, by up to 0\.01"):
        main(tmp_path, "regression")
    assert not (tmp_path / "finished.json").exists()


@pytest.mark.parametrize(("answers", "expected"), [
    ([[0.25, 0.75]], False),
    ([[0.25, 0.25]], True),
    ([[-0.5, 1.5]], True),
    ([[3.0]], False),
])  # fmt: skip
def test_probabilities_are_told_from_scores(answers: list[list[float]], expected: bool) -> None:
    assert are_scores(np.array(answers)) is expected
