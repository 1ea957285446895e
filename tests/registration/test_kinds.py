from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tiffin.errors import RefusedError
from tiffin.registration.columns import Reads
from tiffin.registration.kinds import kind_by_answers
from tiffin.registration.sample import Sample, read_sample
from tiffin.services.spec import Kind


class Answers:
    """A pyfunc that says nothing of its kind."""

    def __init__(self, answers: list[Any]) -> None:
        self.answers = answers

    def predict(self, rows: Any) -> Any:
        return np.array(self.answers)[: len(rows)]


def sample_of(folder: Path, truth: list[Any]) -> Sample:
    file = folder / "sample.csv"
    file.write_text("a,y\n" + "".join(f"1,{value}\n" for value in truth))
    return read_sample(file, Reads(names=("a",)), "y")


@pytest.mark.parametrize(("answers", "truth", "kind"), [
    (["no", "yes", "no"], ["yes", "no", "no"], Kind.CLASSIFICATION),
    ([0, 1, 0], [1, 0, 0], Kind.CLASSIFICATION),
    ([0.2, 1.4, 0.1], [1, 0, 0], Kind.REGRESSION),
    ([1.5, 2, 3], [1.5, 2, 3], Kind.REGRESSION),
])  # fmt: skip
def test_labels_are_told_from_numbers(
    tmp_path: Path, answers: list[Any], truth: list[Any], kind: Kind
) -> None:
    assert kind_by_answers(Answers(answers), sample_of(tmp_path, truth)) is kind


def test_without_the_truth_a_person_has_to_say() -> None:
    with pytest.raises(RefusedError, match="say so with --kind"):
        kind_by_answers(Answers([1]), None)
