from __future__ import annotations

import numpy as np
import pytest

from serving.runtime.bad_input import BadInputError
from serving.runtime.protocols.output_tensors import Wanted, output_tensors

OUTPUTS = {
    "predictions": np.array(["good", "bäd"], dtype=object),
    "probabilities": np.array([[0.25, 0.75], [1, 0]]),
}


@pytest.mark.parametrize(
    ("values", "datatype", "raw"),
    [
        (np.array([1.5]), "FP64", np.array([1.5]).tobytes()),
        (np.array([1.5], dtype="<f4"), "FP64", np.array([1.5]).tobytes()),
        (np.array([3]), "INT64", np.array([3]).tobytes()),
        (np.array([3], dtype="<i4"), "INT64", np.array([3]).tobytes()),
        (np.array([True]), "BOOL", b"\x01"),
        (np.array(["é"], dtype=object), "BYTES", b"\x02\x00\x00\x00\xc3\xa9"),
        (np.array(["é"]), "BYTES", b"\x02\x00\x00\x00\xc3\xa9"),
    ],
)
def test_each_output_has_the_datatype_of_its_values(
    values: np.ndarray, datatype: str, raw: bytes
) -> None:
    tensor = output_tensors({"predictions": values}, Wanted())[0]
    assert (tensor.name, tensor.datatype, tensor.shape) == ("predictions", datatype, [1])
    assert tensor.raw() == raw


def test_all_outputs_are_sent_unless_some_are_wanted() -> None:
    assert [tensor.name for tensor in output_tensors(OUTPUTS, Wanted())] == [*OUTPUTS]
    wanted = Wanted(names=("probabilities",))
    assert [tensor.name for tensor in output_tensors(OUTPUTS, wanted)] == ["probabilities"]


def test_elements_lie_row_by_row() -> None:
    tensor = output_tensors(OUTPUTS, Wanted())[1]
    assert tensor.shape == [2, 2]
    assert tensor.flat.tolist() == [0.25, 0.75, 1, 0]


def test_an_output_that_is_not_there_is_refused_with_those_that_are() -> None:
    words = r"outputs\[1\].name: this model answers predictions, probabilities, not intervals"
    with pytest.raises(BadInputError, match=words):
        output_tensors(OUTPUTS, Wanted(names=("predictions", "intervals")))


def test_an_outputs_own_wish_goes_before_the_requests() -> None:
    wanted = Wanted(raw=True, raw_by_name={"predictions": False})
    assert not wanted.raw_for("predictions")
    assert wanted.raw_for("probabilities")
