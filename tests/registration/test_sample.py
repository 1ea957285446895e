from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tiffin.errors import RefusedError
from tiffin.registration import sample
from tiffin.registration.columns import Reads
from tiffin.registration.sample import as_sent, made_up_features, read_sample

NAMED = Reads(names=("plan", "monthly"))


def write(folder: Path, text: str) -> Path:
    file = folder / "sample.csv"
    file.write_text(text)
    return file


def test_only_what_the_model_reads_and_the_truth_are_kept(tmp_path: Path) -> None:
    file = write(tmp_path, "name,monthly,left,plan\nAda,1.5,no,plus\nBob,2.5,yes,basic\n")
    found = read_sample(file, NAMED, "left")
    assert list(found.table.columns) == ["plan", "monthly", "left"]
    assert as_sent(found.features) == {"plan": "plus", "monthly": 1.5}


def test_rows_with_an_empty_cell_are_left_out_and_counted(tmp_path: Path) -> None:
    found = read_sample(write(tmp_path, "plan,monthly,y\nplus,,1\nplus,2.5,0\n"), NAMED, None)
    assert (found.left_out, found.table.monthly.tolist()) == (1, [2.5])


@pytest.mark.parametrize(("text", "sentence"), [
    ("plan,monthly,y\n", "has no rows"),
    ("", "can't be read as CSV"),
    ("plan,monthly,y\nplus,,1\n", "every row of sample.csv has an empty cell"),
    ("plan,monthly,y\n" + "plus,1,1\n" * 4, "has 4 rows; give at most 3"),
])  # fmt: skip
def test_a_file_without_usable_rows_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, sentence: str
) -> None:
    monkeypatch.setattr(sample, "MOST_ROWS", 3)
    with pytest.raises(RefusedError, match=sentence):
        read_sample(write(tmp_path, text), NAMED, None)


def test_without_a_sample_a_row_of_zeros_stands_in() -> None:
    assert as_sent(made_up_features(Reads(names=("a", "b")))) == {"a": 0, "b": 0}
    assert np.array_equal(made_up_features(Reads(width=2)), [[0, 0]])
    with pytest.raises(RefusedError, match="give a few rows with --data"):
        made_up_features(Reads())
